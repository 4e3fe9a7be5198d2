#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs programs of the distribution, as they are, natively and while they are moved around a lab of three nodes.

  tests/real/run.py                    the quick ones, in the modes away and pingpong
  tests/real/run.py python --mode storm --seed 3

Output, exit status and the files that a program leaves must be those of its native run. Inputs are made here, the same
every time. The last line is 'N passed, N failed' (', N skipped' may follow). See tests/guest/modes.py for the modes, and
world.py for all programs.
"""

import argparse
import concurrent.futures
import os
import pathlib
import re
import shutil
import sys

FOLDER = pathlib.Path(__file__).resolve().parent
REPOSITORY = FOLDER.parents[1]
sys.path[:0] = [str(FOLDER.parent / "guest"), str(REPOSITORY / "tools")]
import interruption  # noqa: E402

from cluster import Cluster  # noqa: E402
from modes import MODES, seed_of  # noqa: E402
from program import every  # noqa: E402
from tally import Tally  # noqa: E402
from trial import make_case, run_moved, run_native  # noqa: E402

USUAL = ["away", "pingpong"]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="parts of names; the quick ones without")
    parser.add_argument("--mode", action="append", metavar="MODE", help=f"native or one of {' '.join(MODES)}; may be repeated")
    parser.add_argument("--jobs", type=int, default=2, help="cases at once (2)")
    parser.add_argument("--repeat", type=int, default=1, metavar="N", help="each case N times, with other seeds")
    parser.add_argument("--seed", type=int, default=1, help="for the order of moves and for --storm (1)")
    parser.add_argument("--limit", type=float, metavar="S", help="seconds after which a case hangs (each program's own)")
    parser.add_argument("--rove", default=os.environ.get("ROVE", REPOSITORY / "build/bin/rove"), help="the command to test")
    parser.add_argument("--build", type=pathlib.Path, default=REPOSITORY / "build/real", help="where programs are built")
    parser.add_argument("--lab", metavar="NAME", help="use this lab, which is up, and leave it up")
    parser.add_argument("--keep", action="store_true", help="keep all directories, not only those of failures")
    parser.add_argument("--verbose", "-v", action="store_true", help="one line per case")
    parser.add_argument("--list", action="store_true", help="list the tests and end")
    return parser.parse_args()


def choose(options):
    chosen = [p for p in every() if (any(re.search(n, p.name) for n in options.names) if options.names else p.quick)]
    for program in chosen:
        program.limit = options.limit or program.limit
    return chosen


def run_natively(chosen, folder, options, tally):
    """name → oracle, of those that passed."""
    oracles = {}
    for program in chosen:
        verdict, oracles[program.name] = run_native(program, folder, options)
        tally.add("native", program.name, verdict)
    return {name: oracle for name, oracle in oracles.items() if oracle}


def run_everywhere(chosen, modes, folder, options, tally, oracles, cluster):
    def one(work):
        program, mode, turn = work
        place = folder / f"{program.name}.{mode}.{turn}"
        case = make_case(cluster, program, mode, place, seed_of(options.seed, program.name, turn), options)
        verdict = run_moved(program, oracles[program.name], case)
        if verdict.kind == "passed" and not options.keep:
            shutil.rmtree(place, ignore_errors=True)
        return program, mode, turn, verdict, place

    cases = [(p, m, t) for t in range(options.repeat) for m in modes for p in chosen if p.name in oracles]
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for program, mode, turn, verdict, place in pool.map(one, cases):
            line = f"tests/real/run.py {program.name} --mode {mode} --seed {options.seed + turn * 7919}   # {place}"
            tally.add(mode, program.name, verdict, line)


def main():
    options = arguments()
    chosen = choose(options)
    if options.list:
        print(*(program.name for program in chosen), sep="\n")
        return 0
    if not chosen:
        print("no test has such a name; --list shows them", file=sys.stderr)
        return 2
    modes = options.mode or USUAL
    if unknown := [mode for mode in modes if mode not in ("native", *MODES)]:
        print(f"no such mode: {' '.join(unknown)}; there are native {' '.join(MODES)}", file=sys.stderr)
        return 2
    with interruption.folder("rove-real-") as folder:
        return run(chosen, modes, folder, options)


def run(chosen, modes, folder, options):
    tally = Tally(options.verbose, [program.name for program in chosen])
    oracles = run_natively(chosen, folder, options, tally)
    modes = [mode for mode in modes if mode != "native"]
    if modes:
        cluster = Cluster(pathlib.Path(options.rove).resolve(), options.lab or f"real-{os.getpid()}")
        try:
            cluster.learn_options() if options.lab else cluster.up()
            run_everywhere(chosen, modes, folder, options, tally, oracles, cluster)
        finally:
            if not options.lab:
                cluster.down()
    if not any(folder.iterdir()):
        folder.rmdir()
    return tally.close()


if __name__ == "__main__":
    sys.exit(interruption.run("real", main))
