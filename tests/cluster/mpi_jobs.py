# SPDX-License-Identifier: Apache-2.0
"""MPI jobs (tests/mpi) on nodes of a lab, started by `rove mpirun` with the distribution's Open MPI."""
import os
import pathlib
import shutil
import subprocess
import threading

from conftest import TREE, wait_for

SOURCES = TREE / "tests" / "mpi"
LIMIT_S = 120
# Open MPI does not like to be started by root, who alone can make a lab.
os.environ.update(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")


def missing():
    """What of Open MPI is not installed; empty if all is there."""
    lacks = [package for package, word in (("openmpi-bin", "mpirun.openmpi"), ("libopenmpi-dev", "mpicc.openmpi"))
             if not shutil.which(word)]
    return f"not installed: {' '.join(lacks)}" if lacks else ""


def build(name, directory):
    binary = directory / name
    library = TREE / "build" / "lib"
    subprocess.run(["mpicc.openmpi", "-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror", "-pthread", "-I", TREE / "include",
                    "-o", binary, SOURCES / f"{name}.c", "-L", library, "-Wl,--as-needed", "-lrove", f"-Wl,-rpath,{library}"],
                   check=True)
    return binary


class Job:
    """Ranks of a program of tests/mpi that goes round after round until it is told to stop."""

    def __init__(self, lab, binary, directory, *words, before=(), mpirun=()):
        self.lab, self.binary = lab, binary
        self.stopper = pathlib.Path(directory) / "stop"
        self.errors = pathlib.Path(directory) / "errors"
        self.lines = []
        with self.errors.open("w") as errors:
            self.process = lab.start("n1", *before, *(mpirun or (lab.rove, "mpirun")), *words, binary, self.stopper,
                                     stderr=errors, stdin=subprocess.DEVNULL)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.lines.append(line.strip())

    def more_rounds(self, count=3):
        """Waits until the job has done so many rounds more."""
        before = len(self.lines)
        wait_for(lambda: len(self.lines) >= before + count or self.process.poll() is not None, "next round", LIMIT_S)
        assert len(self.lines) >= before + count, self.errors.read_text()

    def ranks(self):
        """What `rove ps` shows of the ranks, in the order of their PIDs."""
        first = f"{self.binary} {self.stopper}"
        return [row for row in self.lab.json("n1", "ps") if row["command"] == first]

    def stop(self):
        """Lets it end; what it has to say about its results."""
        self.stopper.touch()
        status = self.process.wait(timeout=LIMIT_S)
        self.reader.join()
        assert status == 0, self.errors.read_text()
        return self.lines[-1]
