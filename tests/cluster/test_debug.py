# SPDX-License-Identifier: Apache-2.0
"""rove debug: home for a debugger, at home as long as that runs, and back."""
import subprocess
import sys

from conftest import wait_for

# What a debugger does first; then it says what it sees, and waits for a word.
DEBUGGER = """
import ctypes, os, sys
pid = int(sys.argv[1])
libc = ctypes.CDLL(None, use_errno=True)
if libc.ptrace(0x4206, pid, None, None): sys.exit(os.strerror(ctypes.get_errno()))  # PTRACE_SEIZE
print(len(os.listdir(f'/proc/{pid}/task')), 'rove' in open(f'/proc/{pid}/maps').read(), flush=True)
sys.stdin.readline()
"""


def test_a_debugger_finds_the_process_at_home(quiet, tmp_path):
    script = tmp_path / "debugger.py"
    script.write_text(DEBUGGER)
    program = quiet.start("n1", "rove", "run", "--stay", "--on", "n2", "--", "/bin/sh", "-c", "while :; do :; done")

    def row(host, state=None):
        rows = quiet.json("n1", "ps")
        return rows and rows[0]["host"] == host and (state is None or rows[0]["state"] == state) and rows[0]

    pid = str(wait_for(lambda: row("n2"), "the program on n2")["pid"])
    debugger = quiet.start("n1", "rove", "debug", pid, "--", sys.executable, str(script), pid, stdin=subprocess.PIPE)
    assert debugger.stdout.readline() == "1 False\n"
    assert row("n1", "confined")["reason"] == "debugged"
    refused = quiet.run("n1", "rove", "move", pid, "n2", check=False)
    assert refused.returncode == 3 and "being debugged" in refused.stderr, refused
    debugger.stdin.close()
    assert debugger.wait(timeout=10) == 0
    wait_for(lambda: row("n2"), "the program on n2 again")
    quiet.run("n1", "kill", "-KILL", pid)
    program.wait(timeout=20)


def test_what_cannot_be_debugged(quiet):
    assert quiet.run("n1", "rove", "debug", "999999", "--", "/bin/true", check=False).returncode == 4
    assert quiet.run("n1", "rove", "debug", "1", "--", "no-such-program", check=False).returncode == 127
    assert quiet.run("n1", "rove", "debug", "1", check=False).returncode == 2
