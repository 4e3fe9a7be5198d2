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

SLEEPERS = "import os, sys, time\nfor _ in range(int(sys.argv[1])):\n    if not os.fork(): time.sleep(600); os._exit(0)\nprint('there', flush=True)\ntime.sleep(600)"
SECONDS = 4


def calm(lab, pid):
    """Until what was started has come to rest."""
    wait_for(lambda: lab.json("n1", "nodes")[0]["load"] < 0.2, "rest", limit_s=60)
    return at_rest.rest(pid, SECONDS)


@contextlib.contextmanager
def sleepers(lab, count):
    program = lab.start("n1", sys.executable, "-c", SLEEPERS, str(count))
    try:
        assert program.stdout.readline() == "there\n"
        yield
    finally:
        for path in pathlib.Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if f"/rove-lab.{lab.name}/n1" in (path / "cgroup").read_text() and SLEEPERS.encode() in (path / "cmdline").read_bytes():
                    os.kill(int(path.name), signal.SIGKILL)
        program.wait(20)


def test_who_sleeps_costs_nothing(quiet):
    pid = at_rest.daemon_of(quiet.name, "n1")
    alone, runs = calm(quiet, pid)
    assert runs / SECONDS < 60, "it wakes up too often"
    with sleepers(quiet, 2):
        few, _ = calm(quiet, pid)
    with sleepers(quiet, 200):
        many, runs = calm(quiet, pid)
    assert runs / SECONDS < 60
    # Looking at all of them each time took 28 times as much as the daemon takes alone, now it is 5 to 7 times.
    told = ", ".join(f"{used / SECONDS / 1e7:.3f} % {where}" for used, where in ((alone, "alone"), (few, "beside 2 sleepers"), (many, "beside 200")))
    assert many < few + 12 * alone, told
    assert at_rest.longest_run(pid, SECONDS) > 0
