#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs all programs of programs/ natively, away and in a storm, one at a time, and writes docs/world.md.

  tests/real/world.py                  all, and the table is written
  tests/real/world.py redis nginx      those whose names contain one of these; nothing is written

Away is `rove run --stay --on n2`, a storm `rove run --storm 60`, in a lab of three nodes; a program that ends soon runs again, with
other seeds, until it has been in a storm for ten seconds, and longer if it was rarely moved. A program passes if exit status,
output and files are those of its native run. One that was never moved must have said why: in the report, or to `rove ps`.
The last line is 'N passed, N failed' (', N skipped' may follow).
"""

import argparse
import collections
import functools
import json
import os
import pathlib
import re
import shutil
import sys
from dataclasses import dataclass, field

FOLDER = pathlib.Path(__file__).resolve().parent
REPOSITORY = FOLDER.parents[1]
sys.path[:0] = [str(FOLDER.parent / "guest"), str(REPOSITORY / "tools")]
import interruption  # noqa: E402
import table  # noqa: E402

from cluster import Cluster  # noqa: E402
from modes import Case, Verdict, seed_of  # noqa: E402
from program import every  # noqa: E402
from tally import Tally  # noqa: E402
from trial import make_case, run_moved, run_native  # noqa: E402

MODES = ("away", "storm")
STORM_MS, STORM_S = 60, 10.0
ENOUGH_MOVES, LONGEST_S = 25, 30.0  # who has moved less often stays longer: files that a host does not know yet make moves slow
RESULT = REPOSITORY / "docs/world.md"


@dataclass
class Run:
    verdict: Verdict
    report: dict  # the object of --report; empty if there was none
    kept: collections.Counter  # reasons that `rove ps` gave meanwhile


@dataclass
class Result:
    """One program, natively and in all modes."""

    name: str
    native: Verdict
    runs: dict = field(default_factory=lambda: collections.defaultdict(list))  # mode → [Run]


class Watched(Case):
    """A case that looks every second which processes cannot be away, and why."""

    def __init__(self, *words, storm_ms, **more):
        super().__init__(*words, **more)
        self.storm_ms = storm_ms
        self.kept = collections.Counter()

    def look(self):
        super().look()
        status, out, _ = self.cluster.ask(["ps", "--json"])
        if status == 0:
            self.kept.update({row["reason"] for row in json.loads(out or "[]") if row["reason"]})


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="parts of names; all without")
    parser.add_argument("--mode", action="append", choices=MODES, help="may be repeated; both without")
    parser.add_argument("--storm", type=int, default=STORM_MS, metavar="MS", help=f"between moves, in the mean ({STORM_MS})")
    parser.add_argument("--seed", type=int, default=1, help="for --storm (1)")
    parser.add_argument("--rove", default=os.environ.get("ROVE", REPOSITORY / "build/bin/rove"), help="the command to test")
    parser.add_argument("--build", type=pathlib.Path, default=REPOSITORY / "build/real", help="where programs are built")
    parser.add_argument("--keep", action="store_true", help="keep all directories, not only those of failures")
    parser.add_argument("--list", action="store_true", help="list the tests and end")
    return parser.parse_args()


def run_once(program, mode, turn, oracle, folder, options, cluster):
    place = folder / f"{program.name}.{mode}.{turn}"
    kind = functools.partial(Watched, storm_ms=options.storm)
    case = make_case(cluster, program, mode, place, seed_of(options.seed, program.name, turn), options, kind)
    verdict = run_moved(program, oracle, case, may_stay=True)
    report = case.report() or {}
    verdict.moves = report.get("moves", 0)
    if verdict.kind == "passed" and not report:
        verdict.kind, verdict.reason = "failed", "no report was written"
    if verdict.kind == "passed" and not options.keep:
        shutil.rmtree(place, ignore_errors=True)
    return Run(verdict, report, case.kept)


def enough(runs):
    """Whether it has been in a storm for long enough. One that cannot be away is not asked for moves."""
    spent, moves = sum(run.verdict.seconds for run in runs), sum(run.verdict.moves for run in runs)
    return spent >= (STORM_S if moves >= ENOUGH_MOVES or not moves and runs[-1].kept else LONGEST_S)


def run_mode(program, mode, oracle, folder, options, cluster):
    """Its runs: one away, several in a storm; a failure is the last one."""
    runs = [run_once(program, mode, 0, oracle, folder, options, cluster)]
    while mode == "storm" and runs[-1].verdict.kind == "passed" and not enough(runs):
        runs.append(run_once(program, mode, len(runs), oracle, folder, options, cluster))
    last = runs[-1].verdict
    if last.kind == "passed" and not any(run.report["moves"] or run.report["came_home"] or run.kept for run in runs):
        last.kind, last.reason = "failed", "it was never moved, and no reason was given"
    return runs


def main():
    options = arguments()
    chosen = [p for p in every() if not options.names or any(re.search(name, p.name) for name in options.names)]
    if options.list:
        print(*(program.name for program in chosen), sep="\n")
        return 0
    if not chosen:
        print("no program has such a name; --list shows them", file=sys.stderr)
        return 2
    with interruption.folder("rove-world-") as folder:
        return run(chosen, options.mode or MODES, folder, options)


def run(chosen, modes, folder, options):
    tally = Tally(True, [program.name for program in chosen])
    cluster = Cluster(pathlib.Path(options.rove).resolve(), f"world-{os.getpid()}")
    results = []
    try:
        cluster.up()
        for program in chosen:
            native, oracle = run_native(program, folder, options)
            tally.add("native", program.name, native)
            results.append(result := Result(program.name, native))
            for mode in modes if oracle else ():
                result.runs[mode] = runs = run_mode(program, mode, oracle, folder, options, cluster)
                place = f"{folder / program.name}.{mode}.{len(runs) - 1}"
                tally.add(mode, program.name, runs[-1].verdict,
                          f"tests/real/world.py '^{program.name}$' --mode {mode} --seed {options.seed}   # {place}")
                print(f"        {table.details(result, mode)}", flush=True)
    finally:
        cluster.down()
    if not any(folder.iterdir()):
        folder.rmdir()
    if not options.names and not options.mode:
        RESULT.write_text(table.page(results, REPOSITORY))
    return tally.close()


if __name__ == "__main__":
    sys.exit(interruption.run("world", main))
