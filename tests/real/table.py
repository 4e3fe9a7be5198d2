# SPDX-License-Identifier: Apache-2.0
"""Table: docs/world.md, made from the results of all programs."""

import collections
import datetime
import os
import platform
import subprocess

HEAD = """# Programs of the distribution

Written by `./run test world`, which runs all of it again. Each program runs natively, then under `rove run --stay --on n2`
(away), then under `rove run --storm 60`, again until it has been in one for ten seconds or more, in a lab of three nodes on one machine. It
passes if its exit status, what it prints and the files that it leaves are those of its native run, each time; `tests/real/programs` says
what each is. Seconds are those of one run (the mean), ÷ compares them with the native ones. *Moves* and *calls* (those that were forwarded
home) are of the program with all its descendants, in all runs. *Came home* counts homecomings by reason, *stayed* names the reasons that
`rove ps` gave for processes that could not be away (`docs/reasons.md`).
"""
HEADINGS = (
    "| program | native | away | ÷ | calls | storm | ÷ | runs | moves | calls | verdict |\n"
    "|---|---|---|---|---|---|---|---|---|---|---|\n"
)


def seconds_of(runs):
    return sum(run.verdict.seconds for run in runs) / len(runs)


def total(runs, key):
    return sum(run.report.get(key, 0) for run in runs)


def came_home(runs):
    """reason → count"""
    return sum((collections.Counter(run.report.get("came_home", {})) for run in runs), collections.Counter())


def stayed(runs):
    return sorted(set().union(*(run.kept for run in runs)))


def said(result):
    """The verdict, as short as it can be."""
    if result.native.kind != "passed":
        return f"natively {result.native.kind}: {result.native.reason.strip().splitlines()[-1]}"
    wrong = [f"{mode}: {runs[-1].verdict.reason}" for mode, runs in result.runs.items() if runs[-1].verdict.kind != "passed"]
    return "; ".join(wrong).replace("|", "/").replace("\n", " ")[:200] if wrong else "passed"


def row(result):
    cells = [result.name, f"{result.native.seconds:.1f} s"]
    for mode in ("away", "storm"):
        if runs := result.runs.get(mode):
            cells += [f"{seconds_of(runs):.1f} s", f"{seconds_of(runs) / result.native.seconds:.1f}"]
            cells += [len(runs), total(runs, "moves")] if mode == "storm" else []
            cells += [total(runs, "forwarded_calls")]
        else:
            cells += ["–"] * (5 if mode == "storm" else 3)
    return "| " + " | ".join(str(cell) for cell in (*cells, said(result))) + " |\n"


def reasons_of(result):
    lines = []
    for mode, runs in result.runs.items():
        came = ", ".join(f"`{reason}` {count}" for reason, count in sorted(came_home(runs).items()))
        kept = ", ".join(f"`{reason}`" for reason in stayed(runs))
        if came or kept:
            lines.append(f"| {result.name} | {mode} | {came or '–'} | {kept or '–'} |\n")
    return "".join(lines)


def details(result, mode):
    """One line for whoever watches."""
    runs = result.runs[mode]
    ratio = seconds_of(runs) / result.native.seconds
    return (f"natively {result.native.seconds:.1f} s, ÷ {ratio:.1f}; {len(runs)} runs, {total(runs, 'moves')} moves, "
            f"{total(runs, 'forwarded_calls')} calls forwarded; came home {dict(came_home(runs))}; stayed {stayed(runs)}")


def conditions(repository):
    commit = subprocess.run(["git", "rev-parse", "--short=12", "HEAD"], cwd=repository, capture_output=True, text=True).stdout.strip()
    now = datetime.datetime.now(datetime.timezone.utc)
    return (f"{now:%Y-%m-%d %H:%M} UTC; kernel {platform.system()} {platform.release()}; {os.cpu_count()} CPUs; commit {commit}; "
            f"load {' '.join(f'{load:.2f}' for load in os.getloadavg())}")


def page(results, repository):
    reasons = "".join(reasons_of(result) for result in results)
    passed = sum(said(result) == "passed" for result in results)
    rows = "".join(row(result) for result in results)
    return (f"{HEAD}\n{passed} of {len(results)} passed. {conditions(repository)}.\n\n{HEADINGS}{rows}"
            f"\n## What was at home, and why\n\n| program | mode | came home | stayed |\n|---|---|---|---|\n{reasons}")
