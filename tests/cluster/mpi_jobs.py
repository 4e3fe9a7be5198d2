# SPDX-License-Identifier: Apache-2.0
"""MPI jobs (tests/mpi) on nodes of a lab, started by `rove mpirun` with the distribution's Open MPI."""
import contextlib
import os
import pathlib
import shutil
import subprocess
import threading

from conftest import TREE, wait_for

SOURCES = TREE / "tests" / "mpi"
KERNELS = TREE / "bench" / "src" / "mpi" / "kernels"
LIMIT_S = 120
# Open MPI does not like to be started by root, who alone can make a lab.
os.environ.update(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")


def missing():
    """What of Open MPI is not installed; empty if all is there."""
    lacks = [package for package, word in (("openmpi-bin", "mpirun.openmpi"), ("libopenmpi-dev", "mpicc.openmpi"))
             if not shutil.which(word)]
    return f"not installed: {' '.join(lacks)}" if lacks else ""


def build(name, directory, *sources):
    """From a file of that name in tests/mpi, unless others are named."""
    binary = directory / name
    library = TREE / "build" / "lib"
    subprocess.run(["mpicc.openmpi", "-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror", "-pthread", "-I", TREE / "include",
                    "-o", binary, *(sources or (SOURCES / f"{name}.c",)), "-L", library, "-Wl,--as-needed", "-lrove",
                    f"-Wl,-rpath,{library}", "-lm"], check=True)
    return binary


class Ranks:
    """The ranks of a program, and what the first of them says, line by line."""

    def __init__(self, lab, command, directory, words, before=(), mpirun=(), stdin=subprocess.DEVNULL):
        self.lab, self.command = lab, command
        self.errors = pathlib.Path(directory) / "errors"
        self.lines = []
        with self.errors.open("w") as errors:
            self.process = lab.start("n1", *before, *(mpirun or (lab.rove, "mpirun")), *words, *command,
                                     stderr=errors, stdin=stdin)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.lines.append(line.strip())

    def more_lines(self, before, count, what):
        """Waits until there are so many more than there were before."""
        wait_for(lambda: len(self.lines) >= before + count or self.process.poll() is not None, what, LIMIT_S)
        assert len(self.lines) >= before + count, self.errors.read_text()

    def ranks(self):
        """What `rove ps` shows of the ranks, in the order of their PIDs."""
        command = " ".join(map(str, self.command))
        return [row for row in self.lab.json("n1", "ps") if row["command"] == command]

    def end(self):
        """When it has been told to end: the last that it has to say."""
        status = self.process.wait(timeout=LIMIT_S)
        self.reader.join()
        assert status == 0, self.errors.read_text()
        return self.lines[-1]


class Job(Ranks):
    """A program of tests/mpi, which goes round after round until it is told to stop."""

    def __init__(self, lab, binary, directory, *words, **more):
        self.stopper = pathlib.Path(directory) / "stop"
        super().__init__(lab, (binary, self.stopper), directory, words, **more)

    def more_rounds(self, count=3):
        """Waits until the job has done so many rounds more."""
        self.more_lines(len(self.lines), count, "next round")

    def stop(self):
        """Lets it end; what it has to say about its results."""
        self.stopper.touch()
        return self.end()


class Kernel(Ranks):
    """A kernel of bench/src/mpi/kernels, which does a work for each line that it is sent, and verifies it."""

    def __init__(self, lab, binary, directory, name, size, ranks):
        super().__init__(lab, (binary, name, str(size)), directory, ("--stay", "-np", str(ranks)), stdin=subprocess.PIPE)
        self.more_lines(0, 1, "kernel that is ready")

    @contextlib.contextmanager
    def at_work(self, iterations):
        """It is told to work, and waited for in the end. Its result must be right."""
        before = len(self.lines)
        self.process.stdin.write(f"{iterations}\n")
        self.process.stdin.flush()
        yield
        self.more_lines(before, 1, "result")
        assert self.lines[-1].startswith("verified "), self.lines[-1]

    def stop(self):
        self.process.stdin.close()
        return self.end()
