# SPDX-License-Identifier: Apache-2.0
"""The daemon at rest: it sleeps nearly always, and what sleeps beside it costs it nothing. No absolute speed."""
import contextlib
import os
import pathlib
import signal
import sys

from conftest import TREE, wait_for

sys.path.insert(0, str(TREE / "bench"))
import at_rest  # noqa: E402

SLEEPERS = "import os, time\nfor _ in range(200):\n    if not os.fork(): time.sleep(600); os._exit(0)\nprint('there', flush=True)\ntime.sleep(600)"
SECONDS = 4


def calm(lab, pid):
    """Until what was started has come to rest."""
    wait_for(lambda: lab.json("n1", "nodes")[0]["load"] < 0.2, "rest", limit_s=60)
    used, runs, longest = at_rest.watch(pid, SECONDS)
    assert longest <= used
    return used, runs


def test_who_sleeps_costs_nothing(quiet):
    pid = at_rest.daemon_of(quiet.name, "n1")
    alone, runs = calm(quiet, pid)
    assert runs / SECONDS < 60, "it wakes up too often"
    program = quiet.start("n1", sys.executable, "-c", SLEEPERS)
    try:
        assert program.stdout.readline() == "there\n"
        beside, runs = calm(quiet, pid)
        assert runs / SECONDS < 60
        # Looking at all of them each time was ten times as much, when the daemon alone took half as much again as now.
        assert beside < 6 * alone, f"{alone / SECONDS / 1e7:.3f} % alone, {beside / SECONDS / 1e7:.3f} % beside 200 sleepers"
    finally:
        for path in pathlib.Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if f"/rove-lab.{quiet.name}/n1" in (path / "cgroup").read_text() and SLEEPERS.encode() in (path / "cmdline").read_bytes():
                    os.kill(int(path.name), signal.SIGKILL)
        program.wait(20)
