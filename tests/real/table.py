# SPDX-License-Identifier: Apache-2.0
"""Table: docs/world.md, made from the results of all programs."""

import datetime
import os
import platform
import subprocess

HEAD = """# Programs of the distribution

Written by `./run test world`, which runs all of it again. Each program runs natively, then under `rove run --stay --on n2`
(away), then under `rove run --storm 60`, in a lab of three nodes on one machine. It passes if its exit status, what it prints
and the files that it leaves are those of its native run; `tests/real/programs` says what each is. *Moves* and *calls* (those
that were forwarded home) are of the program with all its descendants. *Came home* counts homecomings by reason, *stayed* names the
reasons that `rove ps` gave for processes that could not be away (`docs/reasons.md`).
"""
ROW = "| program | native | away | ÷ | calls away | storm | ÷ | moves | calls | verdict |\n|---|---|---|---|---|---|---|---|---|---|\n"


def cell_of(result, mode):
    """seconds, ratio to native, report."""
    verdict = result.verdicts.get(mode)
    if not verdict:
        return "–", "–", {}
    ratio = verdict.seconds / result.native.seconds if result.native.seconds else 0
    return f"{verdict.seconds:.1f} s", f"{ratio:.1f}", result.reports.get(mode, {})


def said(result):
    """The verdict, as short as it can be."""
    if result.native.kind != "passed":
        return f"natively {result.native.kind}: {result.native.reason.strip().splitlines()[-1]}"
    wrong = [f"{mode}: {one.reason}" for mode, one in result.verdicts.items() if one.kind != "passed"]
    return "; ".join(wrong).replace("|", "/").replace("\n", " ")[:200] if wrong else "passed"


def row(result):
    away, away_ratio, away_report = cell_of(result, "away")
    storm, storm_ratio, storm_report = cell_of(result, "storm")
    calls = [report.get("forwarded_calls", "–") for report in (away_report, storm_report)]
    return (f"| {result.name} | {result.native.seconds:.1f} s | {away} | {away_ratio} | {calls[0]} | {storm} | {storm_ratio} "
            f"| {storm_report.get('moves', '–')} | {calls[1]} | {said(result)} |\n")


def counted(reasons):
    return ", ".join(f"`{reason}` {count}" for reason, count in sorted(reasons.items()))


def reasons_of(result):
    lines = []
    for mode in result.verdicts:
        came = counted(result.reports.get(mode, {}).get("came_home", {}))
        stayed = ", ".join(f"`{reason}`" for reason in sorted(result.kept.get(mode, {})))
        if came or stayed:
            lines.append(f"| {result.name} | {mode} | {came or '–'} | {stayed or '–'} |\n")
    return "".join(lines)


def details(result, mode):
    """One line for whoever watches."""
    report = result.reports.get(mode, {})
    verdict = result.verdicts[mode]
    ratio = verdict.seconds / result.native.seconds
    return (f"natively {result.native.seconds:.1f} s, ÷ {ratio:.1f}; {report.get('forwarded_calls')} calls forwarded; "
            f"came home {report.get('came_home')}; stayed {dict(result.kept.get(mode, {}))}")


def conditions(repository):
    commit = subprocess.run(["git", "rev-parse", "--short=12", "HEAD"], cwd=repository, capture_output=True, text=True).stdout.strip()
    now = datetime.datetime.now(datetime.timezone.utc)
    return (f"{now:%Y-%m-%d %H:%M} UTC; kernel {platform.system()} {platform.release()}; {os.cpu_count()} CPUs; commit {commit}; "
            f"load {' '.join(f'{load:.2f}' for load in os.getloadavg())}")


def page(results, repository):
    reasons = "".join(reasons_of(result) for result in results)
    passed = sum(said(result) == "passed" for result in results)
    return (f"{HEAD}\n{passed} of {len(results)} passed. {conditions(repository)}.\n\n{ROW}{''.join(row(result) for result in results)}"
            f"\n## What was at home, and why\n\n| program | mode | came home | stayed |\n|---|---|---|---|\n{reasons}")
