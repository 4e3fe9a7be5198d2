# SPDX-License-Identifier: Apache-2.0
"""MPI programs that were not written here (mpi_programs) under `rove mpirun`: moved by hand and in storm, with the same verdicts as natively."""
import itertools
import json
import subprocess

import pytest

import mpi_jobs
import mpi_programs
from conftest import wait_for

pytestmark = pytest.mark.skipif(bool(mpi_jobs.missing()), reason=mpi_jobs.missing())

LIMIT_S = 900
STORM_MS = 200
IN_FOLDER = ("sh", "-c", 'cd "$1" && shift && exec "$@"', "sh")
# How long it takes says how many moves there can be.
MOVES_WANTED = 3

ALL = [pytest.param(program, id=program.name) for program in mpi_programs.every()]


@pytest.fixture(scope="module")
def natively(tmp_path_factory):
    """program → its verdict without Rove."""
    known = {}

    def verdict(program):
        if program.name not in known:
            folder = tmp_path_factory.mktemp(program.name)
            program.prepare(folder)
            done = subprocess.run(["mpirun", "--oversubscribe", "-np", str(program.ranks), *program.argv], cwd=folder, timeout=LIMIT_S,
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True)
            assert done.returncode == 0, done.stdout + done.stderr
            known[program.name] = program.verdict(done.stdout + done.stderr, folder)
        return known[program.name]

    return verdict


def started(lab, program, folder, *before):
    if program.lacks:
        pytest.skip(program.lacks)
    work = folder / "work"
    work.mkdir()
    program.prepare(work)
    # What is started in a folder is known by the same command line.
    return mpi_jobs.Ranks(lab, program.argv, folder, ("-np", str(program.ranks)), before=(*IN_FOLDER, work, *before))


def ended(job, program, folder):
    """Its verdict."""
    status = job.process.wait(LIMIT_S)
    job.reader.join()
    printed = "\n".join(job.lines) + job.errors.read_text()
    assert status == 0, printed[-4000:]
    return program.verdict(printed, folder / "work")


@pytest.mark.parametrize("program", ALL)
def test_moved_while_it_runs(quiet, natively, tmp_path, program):
    job = started(quiet, program, tmp_path)
    wait_for(lambda: len(job.ranks()) == program.ranks or job.process.poll() is not None, "ranks")
    moves = 0
    for number, node in zip(itertools.count(), itertools.cycle(("n2", "n3", "n2", "home", "n3"))):
        rows = job.ranks()
        if job.process.poll() is not None or not rows:
            break
        pid = rows[number % len(rows)]["pid"]
        # It may be there already, or have ended.
        moves += quiet.run("n1", "rove", "move", pid, node, check=False).returncode == 0
    assert ended(job, program, tmp_path) == natively(program)
    assert moves >= MOVES_WANTED


@pytest.mark.parametrize("program", ALL)
def test_in_storm(quiet, natively, tmp_path, program):
    report = tmp_path / "report.json"
    job = started(quiet, program, tmp_path, quiet.rove, "run", "--storm", str(STORM_MS), "--report", report, "--")
    assert ended(job, program, tmp_path) == natively(program)
    told = json.loads(wait_for(lambda: report.exists() and report.read_text(), "report"))
    assert told["exit_status"] == 0 and told["moves"] >= MOVES_WANTED, told
