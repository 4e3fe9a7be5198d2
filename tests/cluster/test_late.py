# SPDX-License-Identifier: Apache-2.0
"""Pages that come when the program runs at its host already: what it does meanwhile is right, and whoever dies meanwhile, nothing goes on
with memory that is not its own."""
import json
import subprocess

import pytest

from answering import Answering
from conftest import wait_for

SIZE_MB = 48
# Words on standard input are answered by a sum of the memory, `write` and `empty` by one of what they have changed.
LATE = f"""
import mmap, os, sys, threading, zlib
memory = mmap.mmap(-1, {SIZE_MB} << 20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
for at in range(0, len(memory), 4096): memory[at : at + 8] = (at + 1).to_bytes(8, "little")
answer = lambda value: print(value, flush=True)
answer(zlib.crc32(memory))
for line in sys.stdin:
    word = line.strip()
    if word == "write":
        for at in range(0, len(memory), 409600): memory[at + 8 : at + 16] = b"written."
        answer(zlib.crc32(memory[8:16]))
    elif word == "empty":
        memory.madvise(mmap.MADV_DONTNEED, len(memory) // 2, len(memory) // 4)
        answer(0)
    elif word == "fork":
        if os.fork() == 0:
            answer(zlib.crc32(memory))
            os._exit(0)
        os.wait()
    elif word == "resize":
        memory.resize(len(memory) * 2)
        memory.resize(len(memory) // 2)
        answer(zlib.crc32(memory))
    elif word == "thread":
        def look(): answer(zlib.crc32(memory))
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
    else:
        answer(zlib.crc32(memory))
"""
EMPTIED = """
import zlib
memory = bytearray(%d << 20)
for at in range(0, len(memory), 4096): memory[at : at + 8] = (at + 1).to_bytes(8, "little")
memory[len(memory) // 2 : len(memory) * 3 // 4] = bytes(len(memory) // 4)
print(zlib.crc32(memory))
""" % SIZE_MB


class Late(Answering):
    """A program that is moved to n2, and a file that says what shall fail."""

    def __init__(self, lab, fault):
        self.lab, self.fault = lab, fault
        fault.write_text("")
        self.program = lab.start("n1", "rove", "run", "--stay", "--", "python3", "-c", LATE, stdin=subprocess.PIPE)
        self.sum = self.answer()
        self.pid = wait_for(lambda: lab.json("n1", "ps"), "the program")[0]["pid"]
        self.moves = []

    def begin_move(self, node):
        self.moves.append(self.lab.start("n1", "rove", "move", str(self.pid), node, "--json",
                                         stderr=subprocess.PIPE))
        return self.moves[-1]

    def move(self, node):
        out, errors = self.begin_move(node).communicate(timeout=30)
        assert out, errors
        return json.loads(out)

    def held(self, passing=1):
        """It lives on n2, and its steward sends no page (any more)."""
        self.fault.write_text(f"late_wanted:pause:{passing}")
        move = self.begin_move("n2")
        self.passed("late_wanted", "pause")
        return move

    def passed(self, point, action):
        wait_for(lambda: f"fault point {point}: {action}" in self.lab.do("log", "n1").stdout + self.lab.do("log", "n2").stdout, point)

    def let_go(self):
        self.fault.write_text("")

    def row(self):
        return (self.lab.json("n1", "ps") or [None])[0]

    def end(self):
        self.let_go()
        self.program.stdin.close()
        assert self.program.wait(20) == 0


@pytest.fixture
def late(new_lab, tmp_path):
    fault = tmp_path / "fault"
    lab = new_lab("--nodes", "3", "--cpus", "0", "--mem", "0", env={
        "ROVE_FAULT": f"@{fault}", "ROVE_LAB_CONFIG": 'policy.auto = false\nmove.mode = "post-copy"'})
    program = Late(lab, fault)
    yield program
    program.let_go()
    program.program.kill()
    program.program.wait()
    for move in program.moves:
        move.kill()
        move.wait()


def wardens(lab, node):
    return lab.run(node, "sh", "-c", "cat /proc/[0-9]*/comm | grep -c rove-warden", check=False).stdout.strip()


def test_it_is_told_which_way_it_went_and_why(late):
    assert late.move("n2")["mode"] == "post-copy"
    assert late.ask("sum") == late.sum
    moved = [row for row in late.lab.json("n1", "explain", str(late.pid))["decisions"] if row["verdict"] == "moved"]
    assert moved[-1]["figures"]["mode"] == "post-copy"
    assert "move.mode is post-copy" in moved[-1]["figures"]["because"]
    late.move("n3")
    assert late.ask("sum") == late.sum
    late.move("home")
    assert late.ask("sum") == late.sum
    late.end()


@pytest.mark.parametrize("word", ["fork", "resize", "thread", "sum"])
def test_what_needs_pages_waits_for_them(late, word):
    late.held()
    late.tell(word)
    late.let_go()
    assert late.answer() == late.sum
    assert late.ask("sum") == late.sum
    late.move("home")
    assert late.ask("sum") == late.sum
    late.end()


def test_what_it_writes_and_empties_meanwhile_stays_so(late):
    late.held(passing=40)
    late.let_go()
    late.ask("empty")
    emptied = int(subprocess.run(["/usr/bin/python3", "-c", EMPTIED], capture_output=True, text=True, check=True).stdout)
    assert late.ask("sum") == emptied
    written = late.ask("write")
    late.move("home")
    assert late.ask("write") == written
    late.end()


def test_a_move_waits_until_all_is_there(late):
    late.held()
    late.begin_move("home")
    late.let_go()
    assert late.ask("sum") == late.sum
    wait_for(lambda: late.row()["host"] == "n1", "homecoming")
    assert late.ask("sum") == late.sum
    late.end()


@pytest.mark.parametrize("passing", [1, 2, 20])
def test_another_steward_sends_the_rest(late, passing):
    late.fault.write_text(f"late_wanted:kill:{passing}")
    late.begin_move("n2").wait(30)
    late.passed("late_wanted", "kill")
    late.let_go()
    wait_for(lambda: late.row()["host"] == "n2", "program on n2")
    assert late.ask("sum") == late.sum
    late.move("home")
    assert late.ask("sum") == late.sum
    late.end()


def ends_as_lost(late):
    assert late.program.wait(30) == 137
    assert late.lab.json("n1", "explain", str(late.pid))["reason"] == "host_lost"


def test_it_ends_with_its_host(late):
    late.held()
    late.lab.do("kill", "n2")
    late.let_go()
    ends_as_lost(late)


def test_it_is_lost_when_the_link_is_cut(late):
    late.held()
    late.lab.do("cut", "n1:n2")
    late.let_go()
    ends_as_lost(late)
    wait_for(lambda: wardens(late.lab, "n2") == "0", "end of the guest")


def test_it_is_lost_with_its_home(late):
    late.held()
    late.lab.do("kill", "n1")
    wait_for(lambda: wardens(late.lab, "n2") == "0", "end of the guest", limit_s=30)


def test_a_warden_that_dies_meanwhile_lets_nobody_read_zeros(late):
    late.fault.write_text("warden_late_bytes:kill:20")
    late.begin_move("n2")
    late.tell("sum")
    late.passed("warden_late_bytes", "kill")
    late.let_go()
    ends_as_lost(late)
    assert late.program.stdout.readline() in ("", f"{late.sum}\n")
