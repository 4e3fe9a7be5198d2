# SPDX-License-Identifier: Apache-2.0
"""Processes that share memory: where they are, what moves them, and what a failure in the middle of a homecoming leaves."""
import select
import subprocess

import pytest

from conftest import wait_for

# Two children answer in memory that all three share what is written there.
SHARING = """
import mmap, os, sys, time
shared = mmap.mmap(-1, 3 * 4096)
for child in (1, 2):
    if os.fork() == 0:
        turn = 0
        while turn != 255:
            turn = shared[child * 4096] = shared[0]
            time.sleep(0.001)
        os._exit(0)
for line in sys.stdin:
    shared[0] = int(line)
    while any(shared[child * 4096] != int(line) for child in (1, 2)):
        time.sleep(0.001)
    print(line, end="", flush=True)
"""


class Sharing:
    """The program, away on n2 with both of its children."""

    def __init__(self, lab):
        self.lab = lab
        self.program = lab.start("n1", "rove", "run", "--stay", "--on", "n2", "--", "python3", "-c", SHARING,
                                 stdin=subprocess.PIPE)
        self.turn = 0
        self.answers()
        rows = wait_for(lambda: self.all_on("n2"), "three processes on n2")
        self.pids = sorted(row["pid"] for row in rows)

    def all_on(self, node):
        rows = self.lab.json("n1", "ps")
        return len(rows) == 3 and all(row["host"] == node and row["state"] != "moving" for row in rows) and rows

    def answers(self):
        self.turn = self.turn % 200 + 1
        self.program.stdin.write(f"{self.turn}\n")
        self.program.stdin.flush()
        assert select.select([self.program.stdout], [], [], 30)[0], "no answer"
        assert self.program.stdout.readline() == f"{self.turn}\n"

    def move(self, pid, node):
        return self.lab.run("n1", "rove", "move", str(pid), node, check=False)

    def end(self):
        self.program.stdin.write("255\n")
        self.program.stdin.close()
        assert self.program.wait(timeout=20) == 0


@pytest.fixture
def lab(new_lab):
    return new_lab("--nodes", "3", "--cpus", "0", "--mem", "0", env={"ROVE_FAULT": "@/run/rove/fault"})


def set_fault(lab, text):
    lab.run("n1", "sh", "-c", f"echo '{text}' > /run/rove/fault.new && mv /run/rove/fault.new /run/rove/fault")


@pytest.mark.parametrize("which", [0, 2])
def test_who_is_brought_home_brings_its_group(lab, which):
    sharing = Sharing(lab)
    refused = sharing.move(sharing.pids[which], "n3")
    assert refused.returncode == 3 and "(shared_writable_memory)" in refused.stderr
    sharing.answers()
    assert sharing.all_on("n2")
    assert sharing.move(sharing.pids[which], "home").returncode == 0
    wait_for(lambda: sharing.all_on("n1"), "three processes at home")
    for _ in range(10):
        sharing.answers()
    refused = sharing.move(sharing.pids[which], "n2")
    assert refused.returncode == 3 and "(shared_writable_memory)" in refused.stderr
    sharing.end()


@pytest.mark.parametrize("point", ["parked", "home_pages", "home_before_commit", "home_after_commit"])
def test_stewards_that_die_on_the_way_home_break_nothing(lab, point):
    """Before the household's word all go on at the host, after it all come home, whoever has to be asked again."""
    sharing = Sharing(lab)
    set_fault(lab, f"{point}:kill")
    sharing.move(sharing.pids[1], "home")
    set_fault(lab, "")
    wait_for(lambda: sharing.all_on("n1") or sharing.all_on("n2"), "one place for all", 40)
    for _ in range(10):
        sharing.answers()
    wait_for(lambda: sharing.move(sharing.pids[1], "home").returncode == 0, "homecoming", 40)
    wait_for(lambda: sharing.all_on("n1"), "three processes at home")
    for _ in range(10):
        sharing.answers()
    sharing.end()


def test_a_member_that_is_killed_leaves_the_others_their_memory(lab):
    sharing = Sharing(lab)
    lab.run("n1", "kill", "-9", str(sharing.pids[2]))
    wait_for(lambda: len(lab.json("n1", "ps")) == 2, "two processes")
    assert sharing.move(sharing.pids[0], "home").returncode == 0
    rows = wait_for(lambda: [row for row in lab.json("n1", "ps") if row["host"] == "n1"][1:], "two processes at home")
    assert rows
    sharing.program.kill()
    sharing.program.wait(timeout=20)
