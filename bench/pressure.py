# SPDX-License-Identifier: Apache-2.0
"""pressure: processes whose memory grows beyond what their nodes have, with real swap, with and without migration.

Four nodes as of four cores (each a tenth of one), one process per core, as in section 4.5 of "Process migration for MPI": nobody
computes sooner elsewhere, but the memory of one node is exhausted, and it swaps.
"""
import contextlib
import os
import threading
import time

from cluster import LIMIT_S, ROVE, Broken, progress
from figures import Row
from machine import favoured

# MiB that each of its processes comes to have.
SIZES = {"n1": 400, "n2": 220, "n3": 40, "n4": 40}
EACH = 4
LAB = {"nodes": len(SIZES), "automatic": True,
       "words": ["--cpus", str(EACH * 0.1), "--mem", "1G", "--swap", "2G", "--rate", "0"]}
ROUNDS = int(os.environ.get("ROVE_PRESSURE_ROUNDS", "3"))
STEPS = 1_350_000  # some 4 s of CPU time


def run(lab, on):
    """Seconds until the last one has ended."""
    for node in SIZES:
        lab.run(node, ROVE, "node", "auto", "on" if on else "off")
    with contextlib.ExitStack() as running:
        programs = [running.enter_context(lab.running(node, lab.program("grow"), str(size), str(STEPS), options=()))
                    for node, size in SIZES.items() for _ in range(EACH)]
        took = []
        waiting = [threading.Thread(target=lambda program=program: took.append(program.ask()[0])) for program in programs]
        begun = time.monotonic()
        for thread in waiting:
            thread.start()
        for thread in waiting:
            thread.join(timeout=10 * LIMIT_S)
        if len(took) != len(programs):
            raise Broken("not all of the processes ended well")
        seconds = time.monotonic() - begun
    progress(f"  {'with' if on else 'without'} migration: {seconds:.1f} s, each of them {min(took):.1f} to {max(took):.1f} s")
    return seconds


def rows_pressure(lab):
    ratios, pairs = [], []
    with favoured(lab):
        for turn in range(ROUNDS):
            seconds = {}
            for on in ((True, False), (False, True))[turn % 2]:
                seconds[on] = run(lab, on)
            ratios.append(seconds[True] / seconds[False])
            pairs.append(f"{seconds[True]:.1f} s and {seconds[False]:.1f} s")
    yield Row("pressure", "memory pressure: run time with migration ÷ without", "×", 0.625, 0.4, "less", ratios,
              notes=["with and without: " + ", ".join(pairs)])
