# SPDX-License-Identifier: Apache-2.0
"""oversubscribed: an MPI job of sixteen ranks, half of which have five times as much to do as the others, on four nodes of 0.4 of a core.

Four ranks begin on each node, the long ones on two (`--spread`), as in table 3 of "Process Migration for MPI"; the policy does the rest. A rank that has
done its work sleeps until all have, and looks now and then (bench/src/mpi/kernels/uneven.c says why). The measure is the shortest time in which it
could be done: the longest rank alone on a node, or all CPU time on all nodes, whichever is longer, from the CPU times of the same run.
"""
import os
import statistics

import kernels
import mpi
from cluster import progress
from figures import Row
from machine import favoured
from uneven import automatic

SHARE = 0.4  # of a core, per node
NODES = ("n1", "n2", "n3", "n4")
RANKS = 16
LAB = {"nodes": len(NODES), "words": ["--cpus", str(SHARE), "--mem", "0", "--rate", "0"], "automatic": True}
ROUNDS = int(os.environ.get("ROVE_OVERSUBSCRIBED_ROUNDS", "1"))
LONGEST_S = float(os.environ.get("ROVE_OVERSUBSCRIBED_SECONDS", "20"))  # of CPU time, a long rank
PROBE = 100  # iterations


def run(lab, program, on):
    """Seconds that the job took, and the shortest possible. It begins at once: ranks that wait are sent home."""
    automatic(lab, NODES, False)
    with mpi.ranks(lab, RANKS, ("--spread", str(len(NODES))), program, "uneven", "1") as (job, _):
        used = kernels.verified(job, PROBE)[1:]
        iterations = round(PROBE * LONGEST_S / max(used))
        automatic(lab, NODES, on)
        took, *used = kernels.verified(job, iterations)
    shortest = max(max(used) / SHARE, sum(used) / (SHARE * len(NODES)))
    progress(f"  {'with' if on else 'without'} migration: {took:.1f} s; the shortest possible {shortest:.1f} s "
             f"(longest {max(used):.2f} s, all {sum(used):.1f} s of CPU time): {took / shortest:.3f}")
    return took, shortest


def rows_oversubscribed(lab):
    program = mpi.build(lab, "kernels", "kernels/*.c")
    with favoured(lab):
        balanced = [run(lab, program, True) for _ in range(ROUNDS)]
        without, _ = run(lab, program, False)
    yield Row("oversubscribed", f"MPI job of {RANKS} uneven ranks on {len(NODES)} nodes, balanced by itself: run time ÷ the shortest possible", "×", 1.08, 1.03, "less",
              [took / shortest for took, shortest in balanced],
              notes=[f"{statistics.median(took for took, _ in balanced):.1f} s with migration, {without:.1f} s without; "
                     f"the shortest possible {statistics.median(shortest for _, shortest in balanced):.1f} s"])
