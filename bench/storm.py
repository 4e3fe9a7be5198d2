# SPDX-License-Identifier: Apache-2.0
"""storm: a build, and a tree of twenty processes, every one of which is moved about all the time."""
import json
import os
import subprocess
import sys
import time

from cluster import HOME, ROOT, ROVE, Broken, progress
from figures import Row
from trees import project

sys.path.insert(0, str(ROOT / "tools"))
import leaks  # noqa: E402

MINUTES = float(os.environ.get("ROVE_STORM_MINUTES", "10"))
PROCESSES = 20
BUILDS = 3
SETTLE_S = 20
NODES = ("n1", "n2", "n3")


def make(lab, directory, front):
    """How long the build takes, and what it makes."""
    lab.run(HOME, "make", "-s", "-C", str(directory), "clean")
    start = time.monotonic()
    lab.run(HOME, *front, "make", "-s", "-j2", "-C", str(directory))
    return time.monotonic() - start, (directory / "prog").read_bytes()


def inventory(lab):
    return {node: json.loads(lab.run(node, sys.executable, str(ROOT / "tools/leaks.py"))) for node in NODES}


def family(lab, seconds, report):
    """The tree in a storm: rounds of its processes, and the moves of all."""
    report.unlink(missing_ok=True)
    command = [ROVE, "run", "--storm", "50", "--report", str(report), "--", lab.program("family"), str(PROCESSES), str(int(seconds))]
    with subprocess.Popen(lab.argv(HOME, *command), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as program:
        begun = time.monotonic()
        while program.poll() is None:
            if time.monotonic() - begun > seconds + 120:
                program.kill()
                raise Broken("the tree does not end")
            time.sleep(1)
            gone = int(time.monotonic() - begun)
            if gone % 60 == 0:
                progress(f"  {gone} s of {int(seconds)}")
        rounds, errors = program.communicate()
    if program.returncode:
        return 0, 0, [f"it ended with {program.returncode}: {errors.strip()}"]
    end = time.monotonic() + SETTLE_S
    while not report.exists() and time.monotonic() < end:
        time.sleep(0.1)
    return int(rounds), json.loads(report.read_text())["moves"], []


def rows_storm(lab):
    directory = lab.programs / "storm-project"
    project(directory)
    ratios, native, stormy = [], [], []
    for _ in range(BUILDS):
        plain, wanted = make(lab, directory, [])
        storm, got = make(lab, directory, [ROVE, "run", "--storm", "60", "--"])
        if got != wanted:
            raise Broken("the build in a storm made another program")
        progress(f"  make -j2 in a storm {storm:.1f} s, natively {plain:.1f} s")
        ratios.append(storm / plain)
        native.append(plain)
        stormy.append(storm)
    yield Row("storm", "make -j2 of a C project in a storm at 60 ms ÷ natively", "×", 60, None, "less", ratios,
              notes=[f"{stormy[-1]:.1f} s and {native[-1]:.1f} s; the same program each time"])
    report = lab.programs / "report.json"
    family(lab, 10, report)  # fills pools and caches
    before = inventory(lab)
    rounds, moves, wrong = family(lab, MINUTES * 60, report)
    end = time.monotonic() + SETTLE_S
    while True:
        left = [f"{node}: {what}" for node, each in inventory(lab).items() for what in leaks.compare(before[node], each)]
        if not left or time.monotonic() > end:
            break
        time.sleep(1)
    for each in wrong + left:
        progress(f"  {each}")
    yield Row("storm", f"a tree of {PROCESSES} processes in a storm at 50 ms, {MINUTES:g} minutes: failures and leaks", "", 0, None, "less",
              [len(wrong) + len(left)], notes=[f"{moves} moves, {rounds} rounds of checked work"] + wrong + left)
