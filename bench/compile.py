# SPDX-License-Identifier: Apache-2.0
"""compile: a stream of compile jobs that `make -j` starts on one node of a lab of three, against that node alone."""
import hashlib
import random
import statistics
import time

from cluster import HOME, ROVE, Broken, progress
from figures import Row
from machine import favoured

FILES, JOBS, ROUNDS = 60, 6, 3
FUNCTIONS = (80, 480)  # of a file: 0.3 to 1.5 s of CPU time each
NODES = 3
LAB = {"nodes": NODES, "words": ["--cpus", "0.5", "--mem", "0", "--rate", "0"], "automatic": True}


def project(directory, files=FILES):
    """C files of different sizes, the same ones each time, and a makefile that compiles each of them."""
    directory.mkdir()
    sizes = random.Random(1)
    for number in range(files):
        body = "".join(f"int f{number}_{k}(int a) {{ int s = 0; for (int i = 0; i < a; i++) s += i * {k} ^ (s << {k % 7}); return s; }}\n"
                       for k in range(sizes.randint(*FUNCTIONS)))
        (directory / f"f{number}.c").write_text(f"#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n{body}")
    (directory / "Makefile").write_text("all: $(patsubst %.c,%.o,$(wildcard *.c))\n%.o: %.c\n\tcc -O2 -c -o $@ $<\nclean:\n\trm -f *.o\n")


def made(directory):
    """What the build has made, in one number."""
    sums = hashlib.sha256()
    for path in sorted(directory.glob("*.o")):
        sums.update(path.name.encode() + path.read_bytes())
    return sums.hexdigest()


def built(lab, directory, *front):
    """The time that it takes, and what it makes."""
    lab.run(HOME, "make", "-s", "-C", str(directory), "clean")
    start = time.monotonic()
    lab.run(HOME, *front, "make", "-s", f"-j{JOBS}", "-C", str(directory))
    return time.monotonic() - start, made(directory)


def rows_compile(lab):
    directory = lab.programs / "stream"
    project(directory)
    alone, spread = [], []
    with favoured(lab):
        # Which executables compute is learnt by the first build.
        first, wanted = built(lab, directory, ROVE, "run", "--")
        for _ in range(ROUNDS):
            for times, front in ((alone, ()), (spread, (ROVE, "run", "--"))):
                seconds, result = built(lab, directory, *front)
                if result != wanted:
                    raise Broken("the builds do not make the same")
                times.append(seconds)
            progress(f"  {FILES} files: {alone[-1]:.1f} s on one node, {spread[-1]:.1f} s on {NODES}")
    yield Row("compile", f"a stream of short compile jobs, placed at exec: speed-up on {NODES} nodes ÷ {NODES}", "×", 0.85, 0.95, "more",
              [here / there / NODES for here, there in zip(alone, spread)],
              notes=[f"{FILES} C files, make -j{JOBS} on one node: {statistics.median(alone):.1f} s there alone, {statistics.median(spread):.1f} s on all; "
                     f"the very first build, when no compiler was known, took {first:.1f} s"])
