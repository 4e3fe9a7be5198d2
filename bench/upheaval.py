# SPDX-License-Identifier: Apache-2.0
"""upheaval: many programs on four nodes, of which one is drained again and again, cut off for a while, and in the end loses its power.

A split that lasts longer than a host may be silent (3 s) ends who is away on its other side, so the short one finds guests there, and the
long one begins behind a drain. The work of each program is verified by itself: it ends with an answer, or not at all.
"""
import contextlib
import json
import time

from cluster import LIMIT_S, ROVE, Broken, progress
from figures import Row
from uneven import speed

HOMES, HOST = ("n1", "n2", "n3"), "n4"
LAB = {"nodes": len(HOMES) + 1, "words": ["--cpus", "0.4", "--mem", "0", "--rate", "0"], "automatic": True}
EACH = 8         # programs on each of HOMES, of a parent that waits and a child that computes
WORK_S = 15      # of CPU time, of each
DRAINS = 5
GUESTS = 3  # at least, when something happens to their host
SHORT_SPLIT_S, LONG_SPLIT_S = 2, 10


def wait_for(what, look, limit_s=LIMIT_S):
    deadline = time.monotonic() + limit_s
    while not (found := look()):
        if time.monotonic() > deadline:
            raise Broken(f"no {what} after {limit_s} s")
        time.sleep(0.2)
    return found


def guests(lab):
    return [row for row in json.loads(lab.run(HOST, ROVE, "ps", "--all", "--json")) if row["home"] != HOST]


def crowd(lab):
    return wait_for(f"{GUESTS} guests on {HOST}", lambda: len(found := guests(lab)) >= GUESTS and len(found))


def drain(lab):
    """Seconds until the command has ended, and whom it has left there."""
    begun = time.monotonic()
    lab.run(HOMES[0], ROVE, "node", "drain", HOST)
    seconds = time.monotonic() - begun
    if left := guests(lab):
        raise Broken(f"a drain has left {len(left)} guests behind")
    return seconds


def split(lab, seconds):
    lab.lab("cut", HOST)
    time.sleep(seconds)
    lab.lab("heal", HOST)
    wait_for("agreement on who lives", lambda: all(row["state"] not in ("suspect", "dead") for node in (HOMES[0], HOST)
                                                   for row in json.loads(lab.run(node, ROVE, "nodes", "--json"))))


def on_host(lab, programs):
    """The programs of which a process is there."""
    away = {(node, row["pid"]) for node in HOMES for row in json.loads(lab.run(node, ROVE, "ps", "--json")) if row["host"] == HOST}
    parents = {(node, int(pid)): int(parent) for node in HOMES for pid, parent in (line.split() for line in lab.run(node, "ps", "-e", "-o", "pid=,ppid=").splitlines())}
    there = away | {(node, parents.get((node, pid))) for node, pid in away}
    return {program for program in programs if (program.node, program.pid) in there}


def settled(lab):
    """Nobody is on the way to anywhere."""
    return not any(row["state"] == "moving" for node in HOMES for row in json.loads(lab.run(node, ROVE, "ps", "--json")))


def answers(program):
    """Waits until it has done all of its work."""
    try:
        return len(program.line().split()) == 1
    except Broken:
        return False


def rows_upheaval(lab):
    rounds = str(int(speed(lab) * WORK_S))
    with contextlib.ExitStack() as running:
        programs = [running.enter_context(lab.running(node, lab.program("pieces"), rounds, options=())) for node in HOMES for _ in range(EACH)]
        for program in programs:
            program.process.stdin.write("1\n")
            program.process.stdin.flush()
        drained, left = [], []
        for _ in range(DRAINS):
            left.append(crowd(lab))
            drained.append(drain(lab))
            progress(f"  {left[-1]} guests, drained in {drained[-1]:.2f} s")
            lab.run(HOMES[0], ROVE, "node", "unblock", HOST)
        yield Row("upheaval", "a node is drained under load: until no guest is left", "s", 5, None, "less", drained,
                  notes=[f"{', '.join(map(str, left))} guests; {len(programs)} programs of two processes"])
        crowded = crowd(lab)
        split(lab, SHORT_SPLIT_S)
        progress(f"  a split of {SHORT_SPLIT_S} s, {crowded} guests behind it")
        lab.run(HOMES[0], ROVE, "node", "drain", HOST)
        split(lab, LONG_SPLIT_S)
        progress(f"  a split of {LONG_SPLIT_S} s, nobody's guests behind it")
        lab.run(HOMES[0], ROVE, "node", "unblock", HOST)
        crowd(lab)
        for node in (*HOMES, HOST):
            lab.run(node, ROVE, "node", "auto", "off")
        wait_for("end of the moves that were under way", lambda: settled(lab))
        ended = [program for program in programs if program.process.poll() is not None]
        doomed = on_host(lab, programs) - set(ended)
        if not doomed:
            raise Broken("nobody was on the node that died")
        lab.lab("kill", HOST)
        for program in doomed:
            wait_for(f"end of a program that was on {HOST}", lambda program=program: program.process.poll() is not None)
        progress(f"  {HOST} dies, with processes of {len(doomed)} programs")
        lost = [program for program in programs if program not in doomed and not answers(program)]
        yield Row("upheaval", "drains, two splits and a death under load: programs lost that were not on the dead node", "", 0, None, "less", [len(lost)],
                  notes=[f"{len(programs)} programs, of which {len(doomed)} had a process on the node that died; splits of {SHORT_SPLIT_S} s with guests on both "
                         f"sides, and of {LONG_SPLIT_S} s"])
