# SPDX-License-Identifier: Apache-2.0
"""ScaLAPACK's own tests: each reads a file of cases from its folder, and tells how many of them were right."""
import re
import shutil
from pathlib import Path

from mpi_programs import Program

FOLDER = Path("/usr/lib/x86_64-linux-gnu/scalapack/openmpi-tests")
COUNT = re.compile(r"^\s*(\d+) tests (completed|skipped)(.*)$", re.M)


def verdict(printed, _):
    """How many, not which: cases are told with their times."""
    counts = COUNT.findall(printed)
    assert counts and not [count for count in counts if count[0] != "0" and "failed" in count[2]], printed[-2000:]
    return "\n".join(" ".join(count) for count in counts)


def suite(name, cases, **more):
    """One of them, which reads that file. Its four ranks make grids of all shapes."""
    return Program("scalapack-mpi-test", [str(FOLDER / name)], 4, verdict, lambda folder: shutil.copy(FOLDER / cases, folder), **more)
