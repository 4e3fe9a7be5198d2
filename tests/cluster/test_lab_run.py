# SPDX-License-Identifier: Apache-2.0
"""`rove lab run`: status, signals, terminals."""
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios

import pytest

from conftest import LIMIT_S, wait_for
from talking import end


def test_run_passes_everything_on(bare, tmp_path):
    done = subprocess.run(
        bare.argv("run", "n1", "--", "sh", "-c", "pwd; umask; echo $GREETING; cat; echo err >&2"),
        cwd=tmp_path, env=dict(bare.env, GREETING="hello there"), input="from stdin\n",
        capture_output=True, text=True, preexec_fn=lambda: os.umask(0o027), timeout=LIMIT_S)
    assert done.stdout == f"{tmp_path}\n0027\nhello there\nfrom stdin\n"
    assert done.stderr == "err\n"
    assert done.returncode == 0


@pytest.mark.parametrize("script, status", [("exit 0", 0), ("exit 7", 7), ("kill -TERM $$", 143),
                                            ("kill -KILL $$", 137)])
def test_run_has_the_commands_status(bare, script, status):
    done = bare.run("n1", "sh", "-c", script, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (status, "", "")


def test_run_without_dashes_and_options_of_the_command(bare):
    assert bare.do("run", "n1", "echo", "-n", "--name", "x").stdout == "--name x"


def test_run_of_what_is_not_there(bare):
    assert bare.run("n1", "no-such-program", check=False).returncode == 127
    assert bare.run("n1", "/etc/passwd", check=False).returncode == 126


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP", "SIGUSR1"])
def test_signals_reach_the_command(bare, name):
    number = getattr(signal, name)
    process = bare.start("n1", sys.executable, "-u", "-c", f"""
import signal, sys
def got(number, frame):
    print("got", number)
    sys.exit(9)
signal.signal({int(number)}, got)
print("ready")
signal.pause()
""")
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    assert process.stdout.read() == f"got {int(number)}\n"
    assert process.wait(LIMIT_S) == 9


def test_a_command_does_not_outlive_its_run(bare):
    process = bare.start("n1", "sh", "-c", "echo $$; exec sleep 300")
    pid = int(process.stdout.readline())
    end(process)
    wait_for(lambda: bare.run("n1", "test", "-e", f"/proc/{pid}", check=False).returncode,
             "end of the command")


class Screen:
    """A terminal with `rove lab run` on it."""

    def __init__(self, argv, env):
        self.seen = ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execve(argv[0], argv, env)

    def resize(self, rows, columns):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, text):
        os.write(self.fd, text.encode())

    def expect(self, text):
        while text not in self.seen:
            assert select.select([self.fd], [], [], 20)[0], f"no {text!r} in {self.seen!r}"
            self.seen += os.read(self.fd, 4096).decode()
        self.seen = self.seen.split(text, 1)[1]

    def expect_after(self, typed, text):
        """Bash looks at signals between two commands only, so one may not be enough."""
        for _ in range(40):
            self.type(typed)
            while text not in self.seen and select.select([self.fd], [], [], 0.5)[0]:
                self.seen += os.read(self.fd, 4096).decode()
            if text in self.seen:
                return self.expect(text)
        raise AssertionError(f"no {text!r} in {self.seen!r}")

    def wait(self):
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def test_terminal_has_job_control_and_size(bare):
    screen = Screen(bare.argv("run", "n1", "--", "bash", "--norc", "-i"), dict(bare.env, PS1="% "))
    screen.resize(33, 101)
    screen.type("echo a$((1+1)) $(uname -n)\n")
    screen.expect("a2 n1")
    screen.type("stty size\n")
    screen.expect("33 101")
    screen.type("sh -c 'echo beg''un; exec sleep 300'\n")
    screen.expect("begun")
    screen.type("\x1a")
    screen.expect("Stopped")
    screen.type("kill %1; wait %1; echo b$((1+2))\n")
    screen.expect("b3")
    screen.type("sh -c 'echo ag''ain; exec sleep 300'\n")
    screen.expect("again")
    screen.type("\x03")
    screen.type("echo c$?\n")
    screen.expect("c130")
    screen.type("trap 'echo resi''zed' WINCH; echo d$((2+2))\n")
    screen.expect("d4")
    screen.resize(44, 102)
    screen.expect_after("\n", "resized")
    screen.expect_after("stty size\n", "44 102")
    screen.type("exit 7\n")
    assert screen.wait() == 7


def test_last_words_on_a_terminal_are_not_lost(bare):
    for _ in range(10):
        screen = Screen(bare.argv("run", "n1", "--", "sh", "-c", "echo the very end"), bare.env)
        screen.expect("the very end")
        assert screen.wait() == 0
