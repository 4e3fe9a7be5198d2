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

SECONDS = float(os.environ.get("ROVE_REST_SECONDS", "60"))
SETTLE_SECONDS = 5
PARTS = 12  # of that time: a run during which the machine's own interrupts were served is in one of them
BULK_TURNS = 40
BULK_STEPS = 2000  # of a quarter of a millisecond
DRAWS = 2000
LOOK_SECONDS = 0.002  # short beside the time between two runs, so that most of them are seen alone


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


def watch(pid, seconds, look_seconds=LOOK_SECONDS):
    """ns of CPU time, number of runs, ns of the longest, by looking all the time."""
    file = os.open(f"/proc/{pid}/schedstat", os.O_RDONLY)
    try:
        begin = last = account(file)
        longest, ends = 0, time.monotonic() + seconds
        while time.monotonic() < ends:
            time.sleep(look_seconds)
            now = account(file)
            # Several runs between two looks count as one: that is never too short. The first was under way, perhaps.
            if last != begin:
                longest = max(longest, now[0] - last[0])
            last = now
        return last[0] - begin[0], last[1] - begin[1], longest
    finally:
        os.close(file)


def rows_noise(lab):
    progress(f"a daemon at rest for {SECONDS:.0f} s")
    pid = daemon_of(lab.name, HOME)
    time.sleep(SETTLE_SECONDS)
    parts = [watch(pid, SECONDS / PARTS) for _ in range(PARTS)]
    used, runs = sum(part[0] for part in parts), sum(part[1] for part in parts)
    longest = [part[2] / 1000 for part in parts]
    notes = [f"{SECONDS:.0f} s, {runs / SECONDS:.1f} runs a second, {used / max(runs, 1) / 1000:.0f} µs each on average; load of the machine "
             f"{os.getloadavg()[0]:.2f}"]
    yield Row("noise", "the daemon at rest: CPU use", "% of a core", 0.1, 0.03, "less", [used / SECONDS / 1e7], notes=notes)
    yield Row("noise", "the daemon at rest: longest run without a pause", "µs", 200, None, "less", longest,
              notes=[f"the longest in each of {PARTS} times {SECONDS / PARTS:.0f} s; of all {max(longest):.0f} µs"])
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
