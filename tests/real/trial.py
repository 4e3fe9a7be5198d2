# SPDX-License-Identifier: Apache-2.0
"""Trial: one program in one mode, and its native run, which is the oracle."""

import hashlib
import shutil
import time
from dataclasses import dataclass

from modes import Broken, Case, Outcome, Verdict, judge


@dataclass
class Oracle:
    outcome: Outcome
    files: dict
    seconds: float


def digest(work, patterns):
    """name → digest of the files that match."""
    return {
        str(path.relative_to(work)): hashlib.sha256(path.read_bytes()).hexdigest()
        for pattern in patterns for path in sorted(work.glob(pattern))
    }


def make_case(cluster, program, mode, place, seed, options, kind=Case):
    def prepare(work):
        for make in program.inputs:
            make(work)

    environment = {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1", **program.environment}
    return kind(cluster, program.name, program.command(options.build), mode, place, seed, program.limit,
                setup=prepare, rounds=False, environment=environment, tells=program.tells)


def run_native(program, folder, options):
    """The verdict, and the oracle if it passed."""
    if lack := program.lacking():
        return Verdict("skipped", f"needs {lack}"), None
    if program.build and (complaint := program.build(options.build)):
        return Verdict("failed", complaint), None
    case = make_case(None, program, "native", folder / f"{program.name}.native", 0, options)
    case.collect = lambda: None
    started = time.monotonic()
    try:
        outcome = case.run()
    except Broken as broken:
        return Verdict("failed", str(broken)), None
    seconds = time.monotonic() - started
    if outcome.status:
        said = (outcome.out + outcome.err).decode(errors="replace")[-300:]
        return Verdict("failed", f"ended with {outcome.status}: {said}"), None
    oracle = Oracle(outcome, digest(case.folder / "work", program.files), seconds)
    if not options.keep:
        shutil.rmtree(case.folder, ignore_errors=True)
    return Verdict("passed", seconds=seconds), oracle


def run_moved(program, oracle, case, may_stay=False):
    """The verdict against the native run."""

    def check(left):
        now = digest(left, program.files)
        different = sorted(name for name in oracle.files.keys() | now.keys() if oracle.files.get(name) != now.get(name))
        return f"the file {different[0]} is not as natively" if different else None

    try:
        return judge(case, oracle.outcome, may_stay=may_stay, scrub=program.scrub, check=check)
    except Exception as error:  # the runner's own failure must not take the other cases with it
        return Verdict("failed", f"runner: {type(error).__name__}: {error}")
