# SPDX-License-Identifier: Apache-2.0
"""MPI programs of the distribution, which were not written here: one file each, which holds one object, PROGRAM; the file's name is its name."""
import importlib
import pathlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass

FOLDER = pathlib.Path(__file__).resolve().parent


@dataclass
class Program:
    package: str  # that has it
    argv: list
    ranks: int
    # verdict(printed, folder) → what of that must be the same as in its native run; fails if it says itself that something is wrong.
    verdict: Callable
    prepare: Callable = lambda folder: None  # makes the files that it reads
    name: str = ""

    @property
    def lacks(self):
        return "" if shutil.which(self.argv[0]) else f"not installed: {self.package}"


def every():
    found = []
    for path in sorted(FOLDER.glob("[a-z]*.py")):
        program = importlib.import_module(f"mpi_programs.{path.stem}").PROGRAM
        program.name = path.stem
        found.append(program)
    return found
