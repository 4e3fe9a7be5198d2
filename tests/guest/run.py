#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the guest tests: natively first, as the oracle, then moved around a lab of three nodes in every mode.

  tests/guest/run.py                      all programs, all modes
  tests/guest/run.py signal_ fd_pipe      those whose name contains one of these
  tests/guest/run.py cpu_pi --mode storm --seed 7 --repeat 20

The last line is 'N passed, N failed' (', N skipped' may follow). A failed case keeps its directory and prints the line
that repeats it. Everything goes through the command line of `rove`.
"""

import argparse
import concurrent.futures
import os
import pathlib
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools"))
import interruption  # noqa: E402
import known  # noqa: E402
import programs as programs_  # noqa: E402
from cluster import Cluster  # noqa: E402
from modes import MODES, Broken, Case, Verdict, judge, seed_of  # noqa: E402
from tally import Tally  # noqa: E402

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]


# Without a name or a mode: what every change must keep. The others run with --mode, or for tests that are named.
DEFAULT_MODES = ["native", "away", "once", "return", "pingpong"]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="parts of names; all tests without")
    parser.add_argument("--mode", action="append", metavar="MODE", help=f"native or one of {' '.join(MODES)}; may be repeated")
    parser.add_argument("--jobs", type=int, default=2, help="cases at once (2)")
    parser.add_argument("--repeat", type=int, default=1, metavar="N", help="each case N times, with other seeds")
    parser.add_argument("--seed", type=int, default=1, help="for the order of moves and for --storm (1)")
    parser.add_argument("--limit", type=float, default=60, metavar="S", help="seconds after which a case hangs (60)")
    parser.add_argument("--rove", default=os.environ.get("ROVE", REPOSITORY / "build/bin/rove"), help="the command to test")
    parser.add_argument("--build", type=pathlib.Path, default=REPOSITORY / "build/guest", help="where programs are built")
    parser.add_argument("--lab", metavar="NAME", help="use this lab, which is up, and leave it up")
    parser.add_argument("--move-mode", metavar="WAY", help="how processes leave home, such as post-copy (move.mode)")
    parser.add_argument("--encrypt", action="store_true", help="all connections of guests are encrypted (link.encrypt)")
    parser.add_argument("--options", metavar="WORDS", default="", help="more options of every `rove run`")
    parser.add_argument("--keep", action="store_true", help="keep all directories, not only those of failures")
    parser.add_argument("--verbose", "-v", action="store_true", help="one line per case")
    parser.add_argument("--list", action="store_true", help="list the tests and end")
    parser.add_argument("--index", action="store_true", help="print the table of INDEX.md and end")
    return parser.parse_args()


def run_native(chosen, folder, options, tally):
    """The oracle: name → outcome, of those programs that pass natively."""
    oracle = {}

    def one(program):
        lack = programs_.missing(program)
        if lack:
            return program, Verdict("skipped", lack), None
        case = Case(None, program.name, [program.binary], "native", folder / f"{program.name}.native", 0, options.limit)
        case.collect = lambda: None
        try:
            outcome = case.run()
        except Broken as broken:
            return program, Verdict("failed", str(broken)), None
        complaint = outcome.err.decode(errors="replace").strip() if outcome.status == 1 else ""
        return program, Verdict("failed", complaint) if outcome.status == 1 else Verdict("passed"), outcome

    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for program, verdict, outcome in pool.map(one, chosen):
            tally.add("native", program.name, verdict)
            if verdict.kind == "passed":
                oracle[program.name] = outcome
    return oracle


def run_moved(chosen, modes, folder, options, tally, oracle, cluster):
    def verdict_of(case, program):
        try:
            return judge(case, oracle[program.name], program.may_stay)
        except Exception as error:  # the runner's own failure must not take the other cases with it
            return Verdict("failed", f"runner: {type(error).__name__}: {error}")

    def one(work):
        program, mode, turn = work
        seed = seed_of(options.seed, program.name, turn)
        place = folder / f"{program.name}.{mode}.{turn}"
        case = Case(cluster, program.name, [program.binary], mode, place, seed, options.limit)
        verdict = verdict_of(case, program)
        # In a run of all, what fails once and not again is told as shaky: a bug, though not one of this change.
        if verdict.kind == "failed" and not options.names:
            again = Case(cluster, program.name, [program.binary], mode, place.with_suffix(".again"), seed, options.limit)
            if verdict_of(again, program).kind == "passed":
                verdict = Verdict("skipped", f"shaky: {verdict.reason}", verdict.moves, verdict.seconds)
        if verdict.kind == "passed" and not options.keep:
            shutil.rmtree(place, ignore_errors=True)
        return program, mode, turn, verdict, place

    cases = [(p, m, t) for t in range(options.repeat) for m in modes for p in chosen if p.name in oracle]
    if not options.names:
        table = known.known()
        for program, mode, _ in cases:
            if why := known.reason(table, program.name, mode):
                tally.add(mode, program.name, Verdict("skipped", f"known: {why}"))
        cases = [(p, m, t) for p, m, t in cases if not known.reason(table, p.name, m)]
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for program, mode, turn, verdict, place in pool.map(one, cases):
            way = f" --move-mode {options.move_mode}" if options.move_mode else ""
            way += " --encrypt" * options.encrypt
            line = f"tests/guest/run.py {program.name}{way} --mode {mode} --seed {options.seed + turn * 7919}   # {place}"
            tally.add(mode, program.name, verdict, line)


def main():
    options = arguments()
    chosen = programs_.find(options.names)
    if options.list or options.index:
        print(programs_.index(chosen), end="") if options.index else print(*(p.name for p in chosen), sep="\n")
        return 0
    if not chosen:
        print("no test has such a name; --list shows them", file=sys.stderr)
        return 2
    modes = options.mode or ["native", *MODES] if options.names else options.mode or DEFAULT_MODES
    if unknown := [mode for mode in modes if mode not in ("native", *MODES)]:
        print(f"no such mode: {' '.join(unknown)}; there are native {' '.join(MODES)}", file=sys.stderr)
        return 2
    with interruption.folder("rove-guest-") as folder:
        return run(chosen, modes, folder, options)


def run(chosen, modes, folder, options):
    tally = Tally(options.verbose, [program.name for program in chosen])
    broken = programs_.build(chosen, options.build, max(2, options.jobs))
    for program, complaint in broken:
        tally.add("native", program.name, Verdict("failed", complaint))
    chosen = [program for program in chosen if program not in [p for p, _ in broken]]
    oracle = run_native(chosen, folder, options, tally)
    modes = [mode for mode in modes if mode != "native"]
    if modes:
        cluster = Cluster(pathlib.Path(options.rove).resolve(), options.lab or f"guest-{os.getpid()}", options.options.split(),
                          "\n".join([f'move.mode = "{options.move_mode}"'] * bool(options.move_mode) + ["link.encrypt = true"] * options.encrypt))
        try:
            cluster.learn_options() if options.lab else cluster.up()
            run_moved(chosen, modes, folder, options, tally, oracle, cluster)
        finally:
            if not options.lab:
                cluster.down()
    for place in folder.glob("*.native"):
        shutil.rmtree(place, ignore_errors=True)
    if not any(folder.iterdir()):
        folder.rmdir()
    return tally.close()


if __name__ == "__main__":
    sys.exit(interruption.run("guest", main))
