# SPDX-License-Identifier: Apache-2.0
"""trees: making processes and becoming other programs while away, and a build of a C project there."""
import statistics
import time

from cluster import HOME, HOST, ROVE, progress
from figures import Row

ROUNDS = 5
COUNT = 100  # forks for one median; a tenth as many execs
BUILDS = 3
FILES, FUNCTIONS = 12, 200
PORT = 7102


def project(directory):
    """A C project: as many files as a build can spread over CPUs."""
    directory.mkdir()
    for number in range(FILES):
        body = "".join(f"int f{number}_{k}(int a) {{ int s = 0; for (int i = 0; i < a; i++) s += i * {k} ^ (s << {k % 7}); return s; }}\n"
                       for k in range(FUNCTIONS))
        (directory / f"f{number}.c").write_text(f"#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n{body}")
    (directory / "main.c").write_text("int main(void) { return 0; }\n")
    (directory / "Makefile").write_text("prog: $(patsubst %.c,%.o,$(wildcard *.c))\n\tcc -o $@ $^\n%.o: %.c\n\tcc -O2 -c -o $@ $<\n"
                                        "clean:\n\trm -f *.o prog\n")


def built(lab, directory, front, node=HOME):
    lab.run(node, "make", "-s", "-C", str(directory), "clean")
    start = time.monotonic()
    lab.run(node, *front, "make", "-s", "-j2", "-C", str(directory))
    return time.monotonic() - start


def rows_trees(lab):
    away, native, trips = [], [], []
    with lab.running(HOME, lab.program("round_trip"), "serve", str(PORT), "-1", native=True), \
            lab.running(HOME, lab.program("trees"), str(COUNT), native=True) as here, \
            lab.running(HOME, lab.program("trees"), str(COUNT)) as program:
        lab.move(program.pid, HOST)
        program.ask()
        for _ in range(ROUNDS):
            native.append(here.ask())
            away.append(program.ask())
            trips.append(min(float(lab.run(HOST, lab.program("round_trip"), "ask", lab.address[HOME], str(PORT), "-1", wait, "64", "64", "1000"))
                             for wait in ("block", "spin")))
            progress(f"  fork + exit + wait {away[-1][0] / 1000:.0f} µs (natively {native[-1][0] / 1000:.0f}), exec {away[-1][1] / 1e6:.1f} ms "
                     f"(natively {native[-1][1] / 1e6:.1f}); round trip {trips[-1] / 1000:.1f} µs")
    forks = [ours[0] / (theirs[0] + 3 * trip) for ours, theirs, trip in zip(away, native, trips)]
    yield Row("trees", "fork + exit + wait away ÷ (native + 3 raw round trips)", "×", 1, None, "less", forks,
              notes=[f"{statistics.median(ours[0] for ours in away) / 1000:.0f} µs; natively {statistics.median(each[0] for each in native) / 1000:.0f} µs"])
    yield Row("trees", "exec away of a small dynamic program, until main", "ms", 15, None, "less", [ours[1] / 1e6 for ours in away],
              notes=[f"natively {statistics.median(each[1] for each in native) / 1e6:.2f} ms; with the time that its steward takes to start"])
    directory = lab.programs / "project"
    project(directory)
    here, there = [], []
    for _ in range(BUILDS):
        here.append(built(lab, directory, [], HOST))
        there.append(built(lab, directory, [ROVE, "run", "--on", HOST, "--"]))
        progress(f"  make -j2 there {there[-1]:.2f} s, on that node itself {here[-1]:.2f} s")
    yield Row("trees", "make -j2 of a C project on another node ÷ natively on that node", "×", 1.5, None, "less",
              [ours / theirs for ours, theirs in zip(there, here)],
              notes=[f"{FILES} files of {FUNCTIONS} functions; {statistics.median(there):.2f} s and {statistics.median(here):.2f} s"])
