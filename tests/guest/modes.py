# SPDX-License-Identifier: Apache-2.0
"""Modes: the ways in which one program is run and moved, and the verdict against its native run.

home      under `rove run`, never moved
away      on n2 from its first instruction on
back      on n2 from its first instruction on, and home in the middle
once      starts at home, is moved to n2 in the middle and ends there
return    out to n2 and home again in the middle
pingpong  n2, n3, home, n2 … again and again, directly from host to host
tree      as pingpong, but with its descendants (`rove move --all`)
storm     Rove itself moves every process of the program at random times (`rove run --storm`)

A program that stands on guest.h announces its rounds on the FIFO `rounds` of its gate directory: that tells its PID
and that it goes on. It ends when the FIFO is taken away. A program without rounds (a real one) runs until its own end.
"""

import contextlib
import json
import os
import pathlib
import re
import select
import shutil
import signal
import subprocess
import time
import zlib
from dataclasses import dataclass

from cluster import HOME, HOSTS, processes_with

MODES = ("home", "away", "back", "once", "return", "pingpong", "tree", "storm")
STORM_MS = 30
# The distribution's programs, whatever the user has put before them.
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
CONFINED = 3


@dataclass
class Outcome:
    status: int  # 128 + signal when a signal ended it, as a shell says it
    out: bytes
    err: bytes


@dataclass
class Verdict:
    kind: str  # passed failed skipped
    reason: str = ""
    moves: int = 0
    seconds: float = 0.0


class Broken(Exception):
    """The case fails for this reason."""


class Gone(Exception):
    """The program has ended."""


class Gate:
    """The runner's end of the FIFO: who announces itself, and how often."""

    def __init__(self, folder):
        self.folder, self.fifo = folder, folder / "rounds"
        folder.mkdir(parents=True)
        os.mkfifo(self.fifo)
        self.fd = os.open(self.fifo, os.O_RDWR | os.O_NONBLOCK)
        self.pid, self.seen, self.rest = None, 0, b""

    def take(self):
        with contextlib.suppress(BlockingIOError):
            lines = (self.rest + os.read(self.fd, 65536)).split(b"\n")
            self.rest = lines.pop()
            for line in lines:
                self.pid = self.pid or int(line.split()[0])
                self.seen += 1

    def open(self):
        with contextlib.suppress(FileNotFoundError):
            self.fifo.unlink()

    def close(self):
        self.open()
        os.close(self.fd)


class Case:
    """One run of one program in one mode."""

    storm_ms = STORM_MS  # between moves, in the mean
    tries = 50  # of a move that is refused for now

    def __init__(self, cluster, name, argv, mode, folder, seed, limit, setup=None, rounds=True, environment=None, tells=False):
        self.cluster, self.name, self.argv, self.mode = cluster, name, [str(a) for a in argv], mode
        self.folder, self.seed, self.limit = folder, seed, limit
        self.setup, self.rounds, self.tells = setup, rounds, tells
        self.environment = environment or {}
        self.moves, self.refusals, self.journal = 0, [], []

    def run(self):
        """Runs it to its end and returns the outcome. Raises Broken. Afterwards nothing of it is left."""
        shutil.rmtree(self.folder, ignore_errors=True)
        work = self.folder / "work"
        work.mkdir(parents=True)
        if self.setup:
            self.setup(work)
        self.gate = Gate(self.folder / "gate")
        environment = {
            "PATH": PATH, "HOME": str(work), "LANG": "C.UTF-8",
            "TMPDIR": str(work), **self.environment,
        }
        self.mark = f"GUEST_GATE={self.gate.folder}"
        if self.mode != "native":
            environment["GUEST_GATE"] = str(self.gate.folder)
            environment["GUEST_MODE"] = self.mode
        self.deadline = time.monotonic() + self.limit
        with open(self.folder / "stdout", "wb") as out, open(self.folder / "stderr", "wb") as err:
            self.process = subprocess.Popen(
                self.command(), cwd=work, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                start_new_session=True,
            )
        self.pidfd = os.pidfd_open(self.process.pid)
        try:
            with contextlib.suppress(Gone):
                getattr(self, f"drive_{self.mode}", self.drive_nothing)()
            self.gate.open()
            self.wait_end()
        except Broken:
            self.collect()
            raise
        finally:
            self.clean_up()
        status = self.process.returncode
        return Outcome(
            status if status >= 0 else 128 - status,
            (self.folder / "stdout").read_bytes(), (self.folder / "stderr").read_bytes(),
        )

    def command(self):
        program = self.argv
        if self.mode == "native":
            return program
        if not self.rounds and not self.tells:  # the shell tells its PID and becomes the program
            program = ["/bin/sh", "-c", 'echo "$$ 0" > "$GUEST_GATE/rounds"; exec "$@"', "sh", *program]
        options = ["--stay"] if self.mode != "storm" else ["--storm", str(self.storm_ms), "--seed", str(self.seed)]
        if self.mode in ("away", "back"):
            options += ["--on", HOSTS[0]]
        if self.cluster.has("--report"):
            options += ["--report", str(self.folder / "report.json")]
        return self.cluster.command(HOME, [self.cluster.rove, "run", *self.cluster.more, *options, "--", *program])

    # The driving, one function per mode.

    def drive_nothing(self):
        pass

    def drive_home(self):
        self.await_rounds(3)

    def drive_away(self):
        self.await_rounds(1)
        host = self.cluster.host_of(self.gate.pid)
        if host not in (None, HOSTS[0]):
            self.refusals.append(f"ps shows it on {host}")
        self.moves += host == HOSTS[0]
        self.await_rounds(3)

    def drive_back(self):
        self.drive_away()
        self.move("home")
        self.await_rounds(3)

    def drive_once(self):
        self.await_rounds(2)
        self.move(HOSTS[0])
        self.await_rounds(2)

    def drive_return(self):
        self.await_rounds(2)
        self.move(HOSTS[0])
        self.await_rounds(2)
        self.move("home")
        self.await_rounds(2)

    def drive_pingpong(self, every=False):
        self.await_rounds(1)
        turn = 0
        while turn < 7 or not self.rounds:
            self.move((*HOSTS, "home")[(turn + self.seed) % 3], every)
            turn += 1
            self.await_rounds(1)

    def drive_tree(self):
        self.drive_pingpong(every=True)

    def drive_storm(self):
        self.await_rounds(1)
        if self.rounds:
            self.pause(2.0)
            self.await_first_move()
            self.await_rounds(2)

    def await_first_move(self):
        """On a busy machine it may be long in coming, above all if the first attempts are refused."""
        for _ in range(self.tries):
            row = self.cluster.row_of(self.gate.pid)
            if row is None or row["moves"] > 0:
                return
            self.pause(0.2)

    # What the driving is made of.

    def left(self):
        seconds = self.deadline - time.monotonic()
        if seconds <= 0:
            raise Broken(f"did not end within {self.limit} s; {self.gate.seen} rounds, {self.moves} moves")
        return seconds

    def pause(self, seconds):
        """Lets the program run for a while, or until it ends."""
        if select.select([self.pidfd], [], [], min(seconds, self.left()))[0]:
            raise Gone
        self.gate.take()

    def await_rounds(self, count):
        """Until the program has announced so many more rounds."""
        self.gate.take()
        goal = self.gate.seen + count
        if not self.rounds and self.gate.pid is not None:
            self.pause(0.05)  # a real program tells nothing more: give it some time to get on
            return
        while self.gate.seen < (goal if self.rounds else 1):
            ready = select.select([self.gate.fd, self.pidfd], [], [], self.left())[0]
            self.gate.take()
            if not ready:
                self.left()
            if self.pidfd in ready:
                raise Gone

    def move(self, node, every=False):
        """One move. Confined for the moment is no failure here; the verdict looks at how many moves there were."""
        for _ in range(self.tries):
            started = time.monotonic()
            status, out, err = self.cluster.move(self.gate.pid, node, every)
            self.journal.append(f"move {self.gate.pid} {node}: {status} {out.strip()} {err.strip()} "
                                f"{(time.monotonic() - started) * 1000:.0f} ms")
            if status == 0:
                self.moves += 1
                return
            if status == 4:  # ended, or about to
                self.pause(0.2)
                return
            if status != CONFINED:
                raise Broken(f"rove move {node} ended with {status}: {err.strip()}")
            self.refusals.append(first_line(err))
            self.pause(0.02)

    def wait_end(self):
        while not select.select([self.pidfd], [], [], min(self.left(), 1.0))[0]:
            self.look()
        self.process.wait()

    def look(self):
        """What is done every second until it ends."""
        self.gate.take()

    def collect(self):
        """What is left to see of a case that hangs or was broken, for whoever has to find out why."""
        lines = list(self.journal)
        for pid in processes_with(self.mark):
            for name in ("cmdline", "status", "wchan", "syscall", "stack"):
                with contextlib.suppress(OSError):
                    text = pathlib.Path(f"/proc/{pid}/{name}").read_bytes().replace(b"\0", b" ")
                    lines.append(f"--- /proc/{pid}/{name}\n{text.decode(errors='replace')}")
        if self.gate.pid:
            lines.append(f"--- explain: {self.cluster.ask(['explain', str(self.gate.pid), '--json'])}")
        lines.append(f"--- ps: {self.cluster.ask(['ps', '--all', '--json'])}")
        (self.folder / "evidence").write_text("\n".join(lines) + "\n")

    def keep_logs(self):
        for node in (HOME, *HOSTS):
            with contextlib.suppress(subprocess.TimeoutExpired):
                (self.folder / f"{node}.log").write_text("\n".join(self.cluster.log(node).splitlines()[-300:]))
        (self.folder / "moves").write_text("\n".join(self.journal) + "\n")

    def clean_up(self):
        self.gate.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        os.close(self.pidfd)
        if self.mode != "native":
            for pid in processes_with(self.mark):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def report(self):
        """The object of `rove run --report`; it is written a moment after the end."""
        path = self.folder / "report.json"
        for _ in range(100):
            with contextlib.suppress(OSError, ValueError):
                return json.loads(path.read_text())
            time.sleep(0.02)
        return None


def first_line(text):
    return (text.strip().splitlines() or [""])[0]


def compare(native, other, scrub):
    """The first difference, as a sentence; None if there is none."""
    if native.status != other.status:
        tail = other.err.decode(errors="replace").strip()[-400:]
        return f"ended with {other.status}, natively {native.status}{': ' + tail if tail else ''}"
    for name, a, b in (("output", native.out, other.out), ("standard error", native.err, other.err)):
        a, b = scrub(a), scrub(b)
        if a != b:
            at = next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))
            return (f"{name} differs at byte {at}: {b[max(0, at - 20):at + 60]!r}, "
                    f"natively {a[max(0, at - 20):at + 60]!r}")
    return None


def judge(case, native, may_stay=False, scrub=lambda text: text, check=None):
    """Runs the case and says whether it did as natively, and was really moved."""
    started = time.monotonic()
    if may_stay:  # it may be so for good
        case.tries = 3
    needed = {"away": "--on", "back": "--on", "storm": "--storm"}.get(case.mode)
    if needed and not case.cluster.has(needed):
        return Verdict("skipped", f"rove run has no {needed}")
    try:
        outcome = case.run()
        difference = compare(native, outcome, scrub)
        if difference:
            raise Broken(difference)
        if check:
            complaint = check(case.folder / "work")
            if complaint:
                raise Broken(complaint)
        # What it did at home by then (a fork, an exec) may have brought it there before it could be asked.
        if (case.mode == "storm" or case.mode in ("away", "back") and case.moves == 0) and case.cluster.has("--report"):
            report = case.report()
            if report is None:
                raise Broken("no report was written")
            case.moves = report["moves"]
        if case.mode != "home" and case.moves == 0 and not may_stay:
            refused = case.refusals[0] if case.refusals else "the program ended before the first move"
            raise Broken(f"it was never moved: {refused}")
    except Broken as broken:
        case.keep_logs()
        return Verdict("failed", str(broken), case.moves, time.monotonic() - started)
    return Verdict("passed", "", case.moves, time.monotonic() - started)


def seed_of(base, name, turn):
    """The same seed for the same name, every time."""
    return (zlib.crc32(re.sub(r"@.*", "", name).encode()) + base + turn * 7919) % 1000000
