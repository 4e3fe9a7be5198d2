# SPDX-License-Identifier: Apache-2.0
"""`rove top` in a terminal of our own: what it shows, what its keys do, and how it leaves the terminal."""
import fcntl
import json
import os
import pathlib
import pty
import select
import signal
import struct
import subprocess
import termios
import time

import pyte
import pytest

from conftest import wait_for
from test_cli import daemon  # noqa: F401

ROVE = os.environ.get("ROVE") or str(pathlib.Path(__file__).resolve().parents[2] / "build/bin/rove")
HOSTILE = "\x1b[2J\x1b]0;gone\x07 \x9b31m 漢字漢字 \u202etxt.exe"
BURN = "while True: pass"


def node_row(name, **more):
    return dict({"name": name, "address": "10.0.0.1", "state": "up", "load": 0.5, "cores": 2, "speed": 1, "memory_total_bytes": 1 << 30,
                 "memory_free_bytes": 1 << 29, "guests": 0, "age_ms": 0 if name == "n1" else 300, "auto": True}, **more)


def process_row(pid, **more):
    return dict({"pid": pid, "user": "root", "state": "home", "home": "n1", "host": "n1", "cpu_seconds": 1, "memory_bytes": 1 << 20, "moves": 0,
                 "reason": None, "reason_text": None, "stopped": False, "command": f"program-{pid}", "locked": False}, **more)


class Screen(pyte.Screen):
    """What pyte does not know of xterm, and ncurses uses: scrolling, and a character again."""

    last = " "

    def draw(self, data):
        self.last = data[-1]
        super().draw(data)

    def repeat(self, count=1):
        self.draw(self.last * count)

    def at_top(self, change, count):
        before = self.cursor.y
        self.cursor.y = self.margins.top if self.margins else 0
        column = self.cursor.x
        change(count)
        self.cursor.y, self.cursor.x = before, column

    def scroll_up(self, count=1):
        self.at_top(self.delete_lines, count)

    def scroll_down(self, count=1):
        self.at_top(self.insert_lines, count)


class Stream(pyte.ByteStream):
    csi = {**pyte.ByteStream.csi, "S": "scroll_up", "T": "scroll_down", "b": "repeat"}
    events = pyte.ByteStream.events | {"scroll_up", "scroll_down", "repeat"}


class Terminal:
    """A terminal, and a program in it as a shell would start it."""

    def __init__(self, argv, width=80, height=24, **environment):
        self.screen = Screen(width, height)
        self.stream = Stream(self.screen)
        self.raw = b""
        self.ours, theirs = pty.openpty()
        self.set_size(width, height)
        self.before = termios.tcgetattr(self.ours)
        env = {**os.environ, "TERM": "xterm", "LC_ALL": "C.UTF-8", **environment}
        self.process = subprocess.Popen(argv, stdin=theirs, stdout=theirs, stderr=theirs, env=env, start_new_session=True,
                                        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        self.theirs = theirs  # kept open, so that its settings can be read when the program has gone

    def set_size(self, width, height):
        fcntl.ioctl(self.ours, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
        self.screen.resize(height, width)

    def read(self, limit_s=0.05):
        while select.select([self.ours], [], [], limit_s)[0]:
            got = os.read(self.ours, 65536)
            self.raw += got
            self.stream.feed(got)
            limit_s = 0

    def text(self):
        self.read()
        return "\n".join(self.screen.display)

    def type(self, keys):
        os.write(self.ours, keys.encode())

    def shows(self, part, limit_s=20):
        wait_for(lambda: part in self.text(), f"{part!r} on\n" + "\n".join(self.screen.display), limit_s)

    def ended(self, limit_s=20):
        def over():
            self.read()
            return self.process.poll() is not None
        wait_for(over, "end", limit_s)
        return self.process.returncode

    def is_as_before(self):
        self.read()
        left = self.raw.rfind(b"\x1b[?1049l") > self.raw.rfind(b"\x1b[?1049h")
        cursor = self.raw.rfind(b"\x1b[?25h") > self.raw.rfind(b"\x1b[?25l") or b"\x1b[?12l\x1b[?25h" in self.raw[-200:]
        return left and cursor and termios.tcgetattr(self.ours) == self.before

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(20)
        os.close(self.ours)
        os.close(self.theirs)


@pytest.fixture
def top(daemon):  # noqa: F811
    """`rove top` against a control server of our own."""
    daemon.answers[("GET", "/v1/nodes")] = (200, [node_row("n1"), node_row("n2")])
    daemon.answers[("GET", "/v1/ps?all=1")] = (200, [process_row(11), process_row(12)])
    opened = []

    def start(*words, **more):
        opened.append(Terminal([ROVE, "top", *words], ROVE_SOCKET=daemon.path, **more))
        return opened[-1]

    yield start
    for each in opened:
        each.close()


def test_quits_in_every_way_and_leaves_the_terminal_as_it_was(top):
    for way in ("q", "\x03", signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        terminal = top()
        terminal.shows("program-11")
        assert "\x1b[?1049h".encode() in terminal.raw
        if isinstance(way, str):
            terminal.type(way)
        else:
            terminal.process.send_signal(way)
        assert terminal.ended() == 0, way
        assert terminal.is_as_before(), way


def test_stops_and_goes_on(top):
    terminal = top()
    terminal.shows("program-11")
    terminal.type("\x1a")
    state = pathlib.Path(f"/proc/{terminal.process.pid}/stat")
    # Nobody is there to hear of it in this session, so the kernel does not stop it: it draws again.
    wait_for(lambda: terminal.read() or terminal.raw.count(b"\x1b[?1049h") >= 2 or state.read_text().rsplit(")")[1].split()[0] == "T", "stop")
    terminal.process.send_signal(signal.SIGCONT)
    wait_for(lambda: terminal.read() or terminal.raw.count(b"\x1b[?1049h") >= 2, "screen again")
    terminal.shows("program-12")
    terminal.type("q")
    assert terminal.ended() == 0 and terminal.is_as_before()


def test_takes_a_new_size(top, daemon):  # noqa: F811
    daemon.answers[("GET", "/v1/ps?all=1")] = (200, [process_row(11, command="a" * 150 + "-end")])
    terminal = top()
    terminal.shows("aaa…")
    terminal.set_size(220, 50)
    terminal.process.send_signal(signal.SIGWINCH)
    terminal.shows("aaa-end")
    terminal.set_size(50, 10)
    terminal.process.send_signal(signal.SIGWINCH)
    terminal.shows("aaa…")
    terminal.type("q")
    assert terminal.ended() == 0 and terminal.is_as_before()


def test_moves_by_key_and_tells_what_came_of_it(top, daemon):  # noqa: F811
    terminal = top()
    terminal.shows("program-11")
    daemon.answers[("POST", "/v1/move")] = (200, {"pid": 11, "from": "n1", "to": "n2", "bytes": 8598323, "freeze_ms": 9.2, "stopped_ms": 9.2,
                                                  "total_ms": 34.1, "mode": "stop-and-copy"})
    terminal.type("m")
    terminal.shows("Move n1:11 to:")
    terminal.type("n2\r")
    terminal.shows("11 n1 → n2: 8.2 MB in 34 ms, frozen 9.2 ms")
    moves = [body for method, path, body in daemon.requests if path == "/v1/move"]
    assert moves == [{"pid": "n1:11", "to": "n2", "all": False, "wait": True}]
    refusal = "11 stays where it is: it has opened a device"
    daemon.answers[("POST", "/v1/move")] = (409, {"error": refusal, "code": 3, "reason": "device"})
    terminal.type("m\t\r")
    terminal.shows(refusal)
    daemon.answers[("POST", "/v1/stay")] = (200, {"pid": 11})
    terminal.type("l")
    terminal.shows("moved by hand only")
    terminal.type("q")
    assert terminal.ended() == 0


def test_hostile_names_do_nothing(top, daemon):  # noqa: F811
    daemon.answers[("GET", "/v1/ps?all=1")] = (200, [process_row(11, command=HOSTILE), process_row(12, user=HOSTILE, host="n2\x1b[5m")])
    daemon.answers[("GET", "/v1/nodes")] = (200, [node_row("n1"), node_row("n\x1b[31m\r\n2")])
    terminal = top(width=120)
    terminal.shows("?[2J?]0;gone")
    terminal.shows("?txt.exe")
    for sent in (b"\x1b]0;gone", b"\x9b", b"\x1b[5m", "\u202e".encode()):
        assert sent not in terminal.raw
    assert "rove on n1" in terminal.screen.display[0]
    assert not terminal.screen.title


def test_a_daemon_that_goes_is_waited_for(top, daemon):  # noqa: F811
    terminal = top()
    terminal.shows("program-11")
    answers = dict(daemon.answers)
    daemon.answers.clear()
    terminal.shows("no such path")
    assert "program-11" in terminal.text()  # what was known last
    daemon.answers.update(answers)
    wait_for(lambda: "no such path" not in terminal.text(), "answer")
    terminal.type("q")
    assert terminal.ended() == 0


def test_no_colour_where_none_is_wanted(top):
    terminal = top(NO_COLOR="1")
    terminal.shows("program-11")
    assert not [code for code in range(30, 38) if f"\x1b[{code}m".encode() in terminal.raw]
    terminal.type("q")
    terminal.ended()
    terminal = top(NO_COLOR="")
    terminal.shows("program-11")
    assert b"\x1b[32m" in terminal.raw


def test_without_utf8_it_is_plain(top):
    terminal = top(LC_ALL="C")
    terminal.shows("program-11")
    assert all(byte < 0x80 for byte in terminal.raw)


def test_a_snapshot_is_one_object(daemon):  # noqa: F811
    daemon.answers[("GET", "/v1/nodes")] = (200, [node_row("n1")])
    daemon.answers[("GET", "/v1/ps?all=1")] = (200, [process_row(11)])
    done = subprocess.run([ROVE, "top", "--json"], env=dict(os.environ, ROVE_SOCKET=daemon.path), capture_output=True, text=True, timeout=30)
    both = json.loads(done.stdout)
    assert done.returncode == 0 and list(both) == ["nodes", "processes"]
    assert both["nodes"][0]["name"] == "n1" and both["processes"][0]["pid"] == 11


def test_a_real_program_is_moved_by_key(lab):
    program = lab.start("n1", "rove", "run", "--stay", "--", "python3", "-c", BURN)
    terminal = Terminal(lab.argv("run", "n1", "--", "rove", "top"), width=100, height=30)
    try:
        row = wait_for(lambda: (rows := lab.json("n1", "ps")) and rows[0], "row in ps")
        terminal.shows(BURN)
        terminal.shows("rove on n1")
        terminal.type("m")
        terminal.shows("to:")
        terminal.type("n2\r")
        terminal.shows("n1→n2")
        terminal.shows(f"move         {row['pid']} n1 → n2")
        assert lab.json("n1", "ps")[0]["host"] == "n2"
        lab.do("daemon", "n1", "kill")
        terminal.shows("does not answer")
        lab.do("daemon", "n1", "start")
        wait_for(lambda: "does not answer" not in terminal.text(), "daemon again")
        terminal.shows("n1→n2")
        terminal.type("q")
        assert terminal.ended() == 0
    finally:
        terminal.close()
        for row in lab.json("n1", "ps"):
            lab.run("n1", "kill", "-9", str(row["pid"]), check=False)
        program.wait(20)
