# SPDX-License-Identifier: Apache-2.0
"""at_rest: the noise of a daemon that has nothing to do: what it takes of a core, and how long it runs without a pause.

Both by the kernel's own accounts of that process, read from outside of its node, so that whoever measures is no load there.
"""
import os
import pathlib
import time

from cluster import HOME, Broken, progress
from figures import Row

SECONDS = float(os.environ.get("ROVE_REST_SECONDS", "60"))
SETTLE_SECONDS = 5
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
    used, runs, longest = watch(pid, SECONDS)
    notes = [f"{SECONDS:.0f} s, {runs / SECONDS:.1f} runs a second, {used / max(runs, 1) / 1000:.0f} µs each on average; load of the machine "
             f"{os.getloadavg()[0]:.2f}"]
    yield Row("noise", "the daemon at rest: CPU use", "% of a core", 0.1, 0.03, "less", [used / SECONDS / 1e7], notes=notes)
    yield Row("noise", "the daemon at rest: longest run without a pause", "µs", 200, None, "less", [longest / 1000])
