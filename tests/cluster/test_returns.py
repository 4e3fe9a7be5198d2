# SPDX-License-Identifier: Apache-2.0
"""A process comes home and goes back: its host has kept its memory, and is sent what has changed; whatever ends that, nothing is lost."""
import json
import subprocess

import pytest

from answering import Answering
from conftest import wait_for

SIZE_MB = 48
# Words on standard input: `sum`; `write`: something into one page of a hundred; `exec`: the same program anew.
HOLDING = f"""
import mmap, os, sys, zlib
memory = mmap.mmap(-1, {SIZE_MB} << 20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
for at in range(0, len(memory), 4096): memory[at : at + 8] = at.to_bytes(8, "little")
times = 0
print(zlib.crc32(memory), flush=True)
for line in sys.stdin:
    word = line.strip()
    if word == "write":
        times += 1
        for at in range(0, len(memory), 409600): memory[at + 8 : at + 16] = times.to_bytes(8, "little")
    if word == "exec": os.execv(sys.executable, [sys.executable, "-c", sys.argv[1], *sys.argv[1:]])
    print(zlib.crc32(memory), flush=True)
"""


class Holding(Answering):
    def __init__(self, lab):
        self.lab = lab
        self.program = lab.start("n1", "rove", "run", "--stay", "--", "python3", "-c", HOLDING, HOLDING, stdin=subprocess.PIPE)
        self.sum = self.answer()
        self.pid = wait_for(lambda: lab.json("n1", "ps"), "the program")[0]["pid"]

    def write(self):
        before, self.sum = self.sum, self.ask("write")
        assert self.sum != before

    def move(self, node):
        """How much went over the network, in MB. Its memory is the same then."""
        done = self.lab.run("n1", "rove", "move", str(self.pid), node, "--json")
        moved = json.loads(done.stdout)
        assert self.ask("sum") == self.sum
        return moved["bytes"] / 1e6

    def trip(self):
        """To n2 and home, where it writes a little."""
        there = self.move("n2")
        self.move("home")
        self.write()
        return there

    def end(self):
        self.program.stdin.close()
        assert self.program.wait(20) == 0


@pytest.fixture
def holding(lab):
    program = Holding(lab)
    yield program
    program.program.kill()
    program.program.wait()


def keepers(lab, node):
    return lab.run(node, "sh", "-c", "cat /proc/[0-9]*/comm | grep -c rove-warden", check=False).stdout.strip()


def nothing_left(lab):
    wait_for(lambda: keepers(lab, "n2") == "0", "end of the wardens")


def test_what_has_changed_is_sent(lab, holding):
    first = holding.trip()
    assert first > SIZE_MB
    for _ in range(4):
        assert holding.trip() < first / 10
    holding.write()
    assert holding.move("n2") < first / 10
    holding.write()
    assert holding.move("home") < first / 10
    holding.end()
    nothing_left(lab)


def test_it_ends_with_the_process(lab, holding):
    holding.trip()
    assert keepers(lab, "n2") != "0"
    holding.end()
    nothing_left(lab)


def test_another_host_has_nothing(lab, holding):
    first = holding.trip()
    assert holding.move("n3") > SIZE_MB
    assert holding.move("home") < first / 4
    nothing_left(lab)


def test_another_program_begins_anew(lab, holding):
    holding.trip()
    holding.sum = holding.ask("exec")
    assert holding.trip() > SIZE_MB
    assert holding.trip() < SIZE_MB / 4


def test_who_has_it_is_killed(lab, holding):
    holding.trip()
    lab.run("n2", "pkill", "-KILL", "-x", "rove-warden")
    nothing_left(lab)
    assert holding.trip() > SIZE_MB


def test_the_steward_is_killed(lab, holding):
    holding.trip()
    lab.run("n1", "pkill", "-KILL", "-x", "rove-steward")
    nothing_left(lab)
    assert holding.trip() > SIZE_MB
    assert holding.trip() < SIZE_MB / 4


def test_a_daemon_there_comes_back(lab, holding):
    holding.trip()
    lab.do("daemon", "n2", "kill")
    lab.do("daemon", "n2", "start")
    wait_for(lambda: {row["name"]: row["state"] for row in lab.json("n1", "nodes")}["n2"] == "up", "node that is up")
    assert [row["guests"] for row in lab.json("n2", "nodes") if row["name"] == "n2"] == [0]
    assert keepers(lab, "n2") != "0"  # which tell the new daemon once a second what they have
    wait_for(lambda: holding.trip() < SIZE_MB / 4, "trip that sends little")


def test_it_counts_as_free(lab, holding):
    def free():
        return next(row["memory_free_bytes"] for row in lab.json("n2", "nodes") if row["name"] == "n2")
    before = free()
    holding.trip()
    wait_for(lambda: free() > before - (SIZE_MB << 19), "memory that counts as free")
    assert keepers(lab, "n2") != "0"


def test_only_large_memory_is_watched_at_home(lab, holding):
    holding.trip()
    watched, size = {}, 0
    for line in lab.run("n1", "cat", f"/proc/{holding.pid}/smaps").stdout.splitlines():
        if line.startswith("Size:"):
            size = int(line.split()[1]) >> 10
        if line.startswith("VmFlags:"):
            watched.setdefault(size >= 1, set()).add(" uw" in line)
    assert watched[False] == {False} and True in watched[True]


def test_a_debugger_finds_nothing_of_it(lab, holding):
    holding.trip()
    flags = lab.run("n1", "rove", "debug", str(holding.pid), "--", "grep", "-c", " uw", f"/proc/{holding.pid}/smaps", check=False)
    assert flags.stdout.strip() == "0"
    nothing_left(lab)


def test_a_host_may_keep_nothing(new_lab):
    lab = new_lab("--nodes", "2", env={"ROVE_LAB_CONFIG": "policy.auto = false\nguests.keep = \"0\""})
    program = Holding(lab)
    program.trip()
    nothing_left(lab)
    assert program.trip() > SIZE_MB
    program.end()
