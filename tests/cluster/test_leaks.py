# SPDX-License-Identifier: Apache-2.0
"""What programs leave behind: processes, descriptors, memory, mounts, cgroups, namespaces, files.

The inventory is taken inside each node, before and after the same things have happened several
times; the first round is not counted, since it fills pools and caches.
"""
import json
import os
import pathlib
import signal
import sys
import time

from conftest import TREE, wait_for

sys.path.insert(0, str(TREE / "tools"))
import leaks  # noqa: E402

NODES = ("n1", "n2", "n3")
# Within this time what has ended must be gone: daemons close a connection that idles for 60 s.
SETTLE_S = 80
# Memory, a file, a pipe and a thread: something of each kind that a move touches.
PROGRAM = """
import os, tempfile, threading
block = bytearray(os.urandom(1 << 20)) * 8
reader, writer = os.pipe()
threading.Thread(target=lambda: os.read(reader, 1), daemon=True).start()
with tempfile.TemporaryFile() as file:
    print("ready", flush=True)
    while True:
        file.seek(0)
        file.write(block[:4096])
"""


def count(lab, node):
    return json.loads(lab.run(node, sys.executable, TREE / "tools/leaks.py").stdout)


def settled(lab, node, before):
    """What is left on the node once things have settled."""
    end = time.monotonic() + SETTLE_S
    while True:
        left = leaks.compare(before, count(lab, node))
        if not left or time.monotonic() > end:
            return left


def start(lab):
    program = lab.start("n1", "rove", "run", "--stay", "--", sys.executable, "-c", PROGRAM)
    assert program.stdout.readline() == "ready\n"
    row = wait_for(lambda: next(iter(lab.json("n1", "ps")), None), "program in ps")
    return program, row["pid"]


def end(lab, program, pid):
    lab.run("n1", "kill", "-TERM", str(pid))
    assert program.wait(timeout=20) == 128 + signal.SIGTERM
    program.stdout.close()
    wait_for(lambda: lab.json("n1", "ps") == [], "empty ps")


def journey(lab, stops):
    """One program that goes to the stops, one after the other, and ends at the last."""
    program, pid = start(lab)
    for stop in stops:
        lab.run("n1", "rove", "move", pid, stop)
    end(lab, program, pid)


def check_rounds(lab, one_round, rounds=3):
    one_round()
    before = {node: count(lab, node) for node in NODES}
    for _ in range(rounds):
        one_round()
    left = {node: settled(lab, node, before[node]) for node in NODES}
    assert not any(left.values()), left


def test_leaks_of_a_program_at_home(new_lab):
    lab = new_lab()
    check_rounds(lab, lambda: journey(lab, []))


def test_leaks_of_a_program_that_returns(new_lab):
    lab = new_lab()
    check_rounds(lab, lambda: journey(lab, ["n2", "n3", "home"]))


def test_leaks_of_a_program_that_ends_away(new_lab):
    lab = new_lab()
    check_rounds(lab, lambda: journey(lab, ["n2", "n3"]))


def test_leaks_of_a_lost_host(new_lab):
    lab = new_lab()

    def one_round():
        program, pid = start(lab)
        lab.run("n1", "rove", "move", pid, "n2")
        lab.do("kill", "n2")
        assert program.wait(timeout=60) == 128 + signal.SIGKILL
        program.stdout.close()
        lab.do("start", "n2")
        wait_for(lambda: all(row["state"] == "up" for row in lab.json("n1", "nodes")), "node that is up again")

    one_round()
    before = {node: count(lab, node) for node in ("n1", "n3")}
    one_round()
    left = {node: settled(lab, node, before[node]) for node in before}
    assert not any(left.values()), left


def test_leaks_of_a_lab(unmade_lab):
    lab = unmade_lab()
    before = leaks.inventory()
    lab.up()
    program, pid = start(lab)
    lab.run("n1", "rove", "move", pid, "n2")
    lab.down()
    program.wait(timeout=20)
    program.stdout.close()
    # On a machine with other labs only what bears this lab's name is ours; and other people's
    # processes and cgroups come and go on any machine.
    alone = not [path for path in pathlib.Path("/run/rove-lab").glob("*") if path.name != lab.name]

    def left():
        found = leaks.compare(before, leaks.inventory())
        if not alone:
            return [line for line in found if lab.name in line]
        return [line for line in found if "rove" in line or not line.startswith(("processes:", "cgroups:"))]

    limit = time.monotonic() + SETTLE_S
    while (found := left()) and time.monotonic() < limit:
        os.sched_yield()
    assert not found
