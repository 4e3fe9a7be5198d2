# SPDX-License-Identifier: Apache-2.0
"""Program: what is known of one of the distribution's programs that is run, and all of them, one file each in programs/.

Such a file holds one object, PROGRAM; the file's name is its name. Scripts that a program is given lie in scripts/.
What a program prints must be the same in every run, or its `scrub` takes out what is not: times, speeds, numbers of processes.
"""

import importlib.util
import pathlib
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field

from modes import PATH

FOLDER = pathlib.Path(__file__).resolve().parent
SCRIPTS = FOLDER / "scripts"


@dataclass
class Program:
    argv: list  # {build} in it stands for the folder in which things are built
    needs: list  # programs that must be installed
    quick: bool = False  # a part of suite `real`; the others run in suite `world` only
    inputs: list = field(default_factory=list)  # functions of inputs.py that fill its directory
    files: list = field(default_factory=list)  # patterns of what it leaves and must be as natively
    tells: bool = False  # it announces by itself which PID is to be moved
    build: Callable = None  # makes, once and natively, what it needs: build(folder) → what went wrong, or None
    scrub: Callable = lambda text: text  # of what it prints
    environment: dict = field(default_factory=dict)
    limit: float = 300  # seconds, on a machine that others use as well
    name: str = ""

    def lacking(self):
        """A program that is not installed, or None."""
        return next((word for word in self.needs if not shutil.which(word, path=PATH)), None)

    def command(self, build):
        return [str(word).replace("{build}", str(build)) for word in self.argv]


def script(name):
    return str(SCRIPTS / name)


def without_numbers(text):
    """For programs that measure: what is left says that they did so, and nothing of how fast, or which line came first."""
    return b"\n".join(sorted(re.sub(rb"\s*-?\d[\d.,]*k?", b" #", line) for line in text.splitlines()))


def every():
    """All programs, by name."""
    found = []
    for path in sorted((FOLDER / "programs").glob("*.py")):
        spec = importlib.util.spec_from_file_location(f"programs.{path.stem}", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        module.PROGRAM.name = path.stem
        found.append(module.PROGRAM)
    return found
