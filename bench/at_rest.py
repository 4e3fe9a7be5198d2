# SPDX-License-Identifier: Apache-2.0
"""at_rest: the noise of a daemon that has nothing to do: what it takes of a core, how long it runs without a pause, and what that does to
a bulk-synchronous job, which waits in each step for whoever was held up.

The first two by the kernel's own accounts of that process, read from outside of its node, so that whoever measures is no load there.
"""
import contextlib
import os
import pathlib
import random
import signal
import statistics
import subprocess
import time

from cluster import HOME, HOST, Broken, progress
from figures import Row
from machine import running

SECONDS = float(os.environ.get("ROVE_REST_SECONDS", "60"))
SETTLE_SECONDS = 5
PARTS = 12  # of that time: a run during which the machine's own interrupts were served is in one of them
NAPS, ROUNDS = 6, 100_000  # a second; some 0.1 ms of computing
BULK_TURNS = 40
BULK_STEPS = 2000  # of a quarter of a millisecond
DRAWS = 2000


def daemon_of(lab_name, node):
    """Its PID on this machine."""
    for path in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            inside = f"/rove-lab.{lab_name}/{node}" in (path / "cgroup").read_text()
            if inside and (path / "comm").read_text().strip() == "roved":
                return int(path.name)
        except OSError:
            continue  # it has ended
    raise Broken(f"no roved of {node} can be seen")


def account(file):
    """Nanoseconds run, and how often it was given a core, up to now."""
    ran, _, turns = os.pread(file, 100, 0).split()
    return int(ran), int(turns)


def rest(pid, seconds):
    """ns of CPU time and number of runs in that time, in which nobody looks."""
    with open(f"/proc/{pid}/schedstat", "rb", buffering=0) as file:
        begin = account(file.fileno())
        time.sleep(seconds)
        end = account(file.fileno())
    return end[0] - begin[0], end[1] - begin[1]


def longest_run(pid, seconds):
    """ns, by looking all the time, from another CPU than the daemon's. The first run, which may be under way, is left out."""
    with open(f"/proc/{pid}/schedstat", "rb", buffering=0) as file:
        ran, turn = account(file.fileno())
        before, longest, first, ends = ran, 0, turn, time.monotonic() + seconds
        while time.monotonic() < ends:
            now, turns = account(file.fileno())
            if turns != turn:
                if turn > first:
                    longest = max(longest, ran - before)
                # Of a turn that was not seen the time is this one's: that is never too short.
                before, turn = ran, turns
            ran = now
        return longest


def usual_run(pid, seconds):
    """µs, on average."""
    used, runs = rest(pid, seconds)
    return used / max(runs, 1) / 1000


@contextlib.contextmanager
def napping(lab):
    """The machine's PID of a program that rests as the daemon does. What its longest run has more than the others is not its own doing."""
    before = running("nap")
    with lab.running(HOME, lab.program("nap"), str(NAPS), str(ROUNDS), native=True):
        (pid,) = running("nap") - before
        yield pid


@contextlib.contextmanager
def on_cpus(cpus):
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def receives_itself(lab, node):
    """In a lab whoever sends a packet does the receiver's work for it, too, unless the node's own CPU is told to: as between machines."""
    mask = lab.run(node, "sh", "-c", "grep Cpus_allowed: /proc/self/status").split()[1]
    lab.run(node, "sh", "-c", f"echo {mask} >/sys/class/net/eth0/queues/rx-0/rps_cpus")


def rows_noise(lab):
    progress(f"a daemon at rest for {SECONDS:.0f} s")
    for node in (HOME, HOST):
        receives_itself(lab, node)
    pid = daemon_of(lab.name, HOME)
    time.sleep(SETTLE_SECONDS)
    used, runs = rest(pid, SECONDS)
    notes = [f"{SECONDS:.0f} s, {runs / SECONDS:.1f} runs a second, {used / max(runs, 1) / 1000:.0f} µs each on average; load of the machine "
             f"{os.getloadavg()[0]:.2f}"]
    yield Row("noise", "the daemon at rest: CPU use", "% of a core", 0.1, 0.03, "less", [used / SECONDS / 1e7], notes=notes)
    progress(f"its longest run in {SECONDS:.0f} s")
    part = SECONDS / PARTS
    with on_cpus(os.sched_getaffinity(daemon_of(lab.name, HOST))), napping(lab) as other:
        usual = usual_run(other, part)
        turns = [(longest_run(pid, part) / 1000, longest_run(other, part) / 1000) for _ in range(PARTS)]
    longest, stalled = zip(*turns)
    yield Row("noise", "the daemon at rest: longest run without a pause", "µs", 200, None, "less", longest,
              notes=[f"the longest in each of {PARTS} times {part:.0f} s, seen from the other node's CPU; of all {max(longest):.0f} µs. In turns with it, a program "
                     f"that does the same {usual:.0f} µs of work as often: {statistics.median(stalled):.0f} µs, of all {max(stalled):.0f} µs"])
    yield bulk(lab)


@contextlib.contextmanager
def standing_still(pids):
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def interval(pairs):
    """In which the ratio of the medians lies in 95 of 100 draws from the pairs."""
    chance = random.Random(1)
    found = sorted(statistics.median(each[0] for each in drawn) / statistics.median(each[1] for each in drawn)
                   for drawn in (chance.choices(pairs, k=len(pairs)) for _ in range(DRAWS)))
    return found[DRAWS // 40], found[-DRAWS // 40]


def bulk(lab):
    """The job has a process on each CPU of the machine; the daemons of both nodes rest beside it, and stand still in every other turn."""
    progress("a bulk-synchronous job beside resting daemons")
    daemons = [daemon_of(lab.name, node) for node in (HOME, HOST)]
    pairs = []
    with subprocess.Popen([lab.program("bulk")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as job:

        def took():
            job.stdin.write(f"{BULK_STEPS}\n")
            job.stdin.flush()
            return float(job.stdout.readline())

        try:
            if job.stdout.readline() != "ready\n":
                raise Broken("the bulk-synchronous job does not begin")
            took()
            for turn in range(BULK_TURNS):
                beside, alone = None, None
                for which in ((0, 1), (1, 0))[turn % 2]:
                    if which:
                        with standing_still(daemons):
                            alone = took()
                    else:
                        beside = took()
                pairs.append((beside, alone))
        finally:
            job.kill()
    low, high = interval(pairs)
    ratio = statistics.median(each[0] for each in pairs) / statistics.median(each[1] for each in pairs)
    return Row("noise", "a bulk-synchronous job beside two resting daemons ÷ without them", "×", 1.01, 1.001, "less", [ratio],
               notes=[f"95 % confidence: {low:.4f} to {high:.4f}; {BULK_TURNS} turns of {BULK_STEPS} steps of 0.25 ms each"])
