#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""bench: measures what is promised, in a lab, and says whether it is kept.

usage: ./run bench [NAME…] [--json] [--no-write]

NAME: home noise cpu calls encrypted moves freeze sizes late hybrid returns trees compile mailbox mpi kernels oversubscribed storm uneven pressure upheaval, and of the simulator policy gossip gossip_large large compare; without one, all but those that take a
quarter of an hour each, storm (ROVE_STORM_MINUTES is another time), compile, uneven, pressure, upheaval, gossip_large, large and compare, mailbox, mpi, kernels and oversubscribed. Writes docs/benchmarks.md and docs/bench/, unless told not to.
Exit status: 0 all that was measured is as it must be, 1 something is not, 2 usage, 3 something could not be measured.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tools"))
import at_home  # noqa: E402
import at_rest  # noqa: E402
import calls  # noqa: E402
import compile as compiling  # noqa: E402
import document  # noqa: E402
import interruption  # noqa: E402
import kernels  # noqa: E402
import mailbox  # noqa: E402
import moves  # noqa: E402
import mpi  # noqa: E402
import oversubscribed  # noqa: E402
import pressure  # noqa: E402
import simulated  # noqa: E402
import storm  # noqa: E402
import trees  # noqa: E402
import uneven  # noqa: E402
import upheaval  # noqa: E402
from cluster import Broken, Lab, build, conditions, progress  # noqa: E402
from figures import table  # noqa: E402

PARTS = {"home": at_home.rows_home, "noise": at_rest.rows_noise, "cpu": at_home.rows_cpu, "calls": calls.rows_calls, "encrypted": calls.rows_encrypted, "moves": moves.rows_moves,
         "freeze": moves.rows_freeze, "sizes": moves.rows_large, "late": moves.rows_late, "hybrid": moves.rows_hybrid, "returns": moves.rows_returns, "trees": trees.rows_trees,
         "compile": compiling.rows_compile,
         "mailbox": mailbox.rows_mailbox, "mpi": mpi.rows_mpi, "kernels": kernels.rows_kernels,
         "oversubscribed": oversubscribed.rows_oversubscribed, "storm": storm.rows_storm, "uneven": uneven.rows_uneven, "pressure": pressure.rows_pressure,
         "upheaval": upheaval.rows_upheaval,
         "policy": simulated.rows_policy, "gossip": simulated.rows_gossip, "gossip_large": simulated.rows_gossip_large,
         "large": simulated.rows_large}
SIMULATED = ("policy", "gossip", "gossip_large", "large")
# The labs of those for which two pinned nodes without limits would not do.
LABS = {"cpu": {"same_cpu": True}, "encrypted": {"encrypt": True}, "returns": {"keeps": True}, "late": {"mode": "post-copy"}, "storm": {"nodes": 3}, "mailbox": mailbox.LAB, "mpi": mpi.LAB, "kernels": kernels.LAB, "oversubscribed": oversubscribed.LAB,
        "compile": compiling.LAB, "uneven": uneven.LAB,
        "pressure": pressure.LAB, "upheaval": upheaval.LAB}
ON_REQUEST = ("storm", "compile", "gossip_large", "large", "mailbox", "mpi", "kernels", "oversubscribed", "uneven", "pressure", "upheaval")
COMPARE = "compare"  # writes a document, has no limits


def arguments():
    parser = argparse.ArgumentParser(prog="./run bench", description="Measures, and compares with what is wanted.")
    parser.add_argument("name", nargs="*", help=", ".join(PARTS))
    parser.add_argument("--json", action="store_true", help="print the rows as JSON")
    parser.add_argument("--no-write", action="store_true", help="leave docs/ as it is")
    given = parser.parse_args()
    if unknown := [name for name in given.name if name not in PARTS and name != COMPARE]:
        parser.error(f"there is no {unknown[0]}; there are {', '.join(PARTS)} and {COMPARE}")
    return given


def measure(names):
    """The rows, and the names of the parts that could not be measured."""
    rows, broken = [], []
    measured = [name for name in names if name not in SIMULATED]
    for name in names:
        if name in SIMULATED:
            where = conditions(None)
            print_conditions(where)
            try:
                for row in PARTS[name](None):
                    row.conditions = where
                    rows.append(row)
            except (Broken, subprocess.TimeoutExpired) as problem:
                progress(f"{name} could not be measured: {problem}")
                broken.append(name)
    if not measured:
        return rows, broken
    with tempfile.TemporaryDirectory(prefix="rove-bench-") as directory:
        programs = pathlib.Path(directory)
        programs.chmod(0o755)
        build(programs)
        for name in measured:
            # A lab for each part: what one leaves in a daemon does not touch the next.
            found = []
            try:
                with Lab(programs, **LABS.get(name, {})) as lab:
                    where = conditions(lab)
                    print_conditions(where)
                    for row in PARTS[name](lab):
                        row.conditions = where
                        found.append(row)
            except (Broken, subprocess.TimeoutExpired, OSError, ValueError) as problem:
                progress(f"{name} could not be measured: {problem}")
                broken.append(name)
                continue
            rows += found
    return rows, broken


def print_conditions(where):
    progress("; ".join(f"{key} {value}" for key, value in where.items()))


def main():
    given = arguments()
    if COMPARE in given.name:
        simulated.compare()
        given.name.remove(COMPARE)
        if not given.name:
            return 0
    rows, broken = measure(given.name or [name for name in PARTS if name not in ON_REQUEST])
    if rows and not given.no_write:
        document.write(document.merge(document.kept(), rows))
    if given.json:
        print(json.dumps([row.as_json() for row in rows], ensure_ascii=False))
    else:
        print("\n".join(table(rows)))
        for row in rows:
            for note in row.notes:
                print(f"  {row.what}: {note}")
    if broken:
        print(f"not measured: {', '.join(broken)}", file=sys.stderr)
        return 3
    return 0 if all(row.met for row in rows) else 1


if __name__ == "__main__":
    sys.exit(interruption.run("bench", main))
