# SPDX-License-Identifier: Apache-2.0
"""uneven: a job whose parts are not alike, on eight nodes of a fifth of a core, with and without migration.

Four nodes have a long part each, four a short one, a fifth as long; each part is split into k equal processes, as in table 3 of
"Process migration for MPI". The measure is the shortest time in which it could be done: the longest process alone on a node, or
all CPU time on all nodes, whichever is longer, from the CPU times of the same run.
"""
import contextlib
import os
import statistics
import threading
import time

from cluster import ROVE, Broken, progress
from figures import Row
from machine import favoured

SHARE = 0.2  # of a core, per node
LONG, SHORT = ("n1", "n2", "n3", "n4"), ("n5", "n6", "n7", "n8")
LAB = {"nodes": len(LONG + SHORT), "words": ["--cpus", str(SHARE), "--mem", "0", "--rate", "0"], "automatic": True}
RATIO = 5  # long ÷ short
SPLITS = (1, 2, 3, 4, 6)
ROUNDS = int(os.environ.get("ROVE_UNEVEN_ROUNDS", "1"))
# Of a long part. The seed's took half an hour, which at a fifth of a core would be hours.
LONG_S = float(os.environ.get("ROVE_UNEVEN_SECONDS", "45"))
PROBE = 400_000_000
CALM_S = 6


def speed(lab):
    """Rounds that a core does in a CPU second."""
    with lab.running(LONG[0], lab.program("pieces"), str(PROBE), native=True) as probe:
        return PROBE / probe.ask("1")[0]


def automatic(lab, nodes, on):
    for node in nodes:
        lab.run(node, ROVE, "node", "auto", "on" if on else "off")


def makespan(programs, pieces):
    """Seconds until all have ended, and the CPU seconds of all their pieces."""
    found = {}

    def wait(node):
        found[node] = programs[node].ask(str(pieces))

    begun = time.monotonic()
    waiting = [threading.Thread(target=wait, args=(node,)) for node in programs]
    for thread in waiting:
        thread.start()
    for thread in waiting:
        thread.join()
    if len(found) != len(programs):
        raise Broken("a part of the job did not end well")
    return time.monotonic() - begun, [seconds for part in found.values() for seconds in part]


def ratio(lab, pieces, rounds, on):
    """How much longer the job takes than it could, and the sentence that tells about it."""
    # Each part begins on its own node, as in the paper, and all of it when nothing else is under way.
    automatic(lab, LONG + SHORT, False)
    with contextlib.ExitStack() as running:
        programs = {node: running.enter_context(lab.running(node, lab.program("pieces"), str(rounds if node in LONG else rounds // RATIO), options=()))
                    for node in LONG + SHORT}
        automatic(lab, LONG + SHORT, on)
        time.sleep(CALM_S)
        took, used = makespan(programs, pieces)
    shortest = max(max(used) / SHARE, sum(used) / (SHARE * len(programs)))
    progress(f"  k = {pieces}, {'with' if on else 'without'} migration: {took:.1f} s; the shortest possible {shortest:.1f} s "
             f"(longest {max(used):.2f} s, all {sum(used):.1f} s of CPU time): {took / shortest:.3f}")
    return took, shortest


def rows_uneven(lab):
    rounds = int(speed(lab) * LONG_S)
    with favoured(lab):
        for pieces in SPLITS:
            with_it = [ratio(lab, pieces, rounds, True) for _ in range(ROUNDS)]
            without, best = ratio(lab, pieces, rounds, False)
            took = statistics.median(each[0] for each in with_it)
            yield Row("uneven", f"uneven job, k = {pieces}: run time ÷ the shortest possible", "×", 1.05, 1.015, "less",
                      [each[0] / each[1] for each in with_it],
                      notes=[f"{took:.1f} s with migration, {without:.1f} s without; the shortest possible {best:.1f} s"])
