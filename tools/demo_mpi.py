#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""demo_mpi: an MPI job that starts on one node of three and spreads while it computes; then what a message costs.

The job counts primes and compares what its ranks have found with a sieve. The table of latencies is measured in a
lab without CPU limits. Cleans up.
"""
import json
import os
import subprocess
import sys
import time

import demo
import interruption
from demo import Broken, LAB, LIMIT_S, ROOT, ROVE, Watch, move, rove, rows, say, wait_for

PRIMES_BELOW = 40_000_000  # some ten seconds of one core
STEPS = 101
RANKS = 3
ON_N1 = (ROVE, "lab", "run", "--name", LAB, "n1", "--")


def build(directory, name):
    program = directory / name
    subprocess.run(["mpicc.openmpi", "-O2", "-o", program, ROOT / "tests" / "mpi" / f"{name}.c"], check=True)
    return program


def job(program, directory, *options):
    """Counts primes; seconds, what it says of its result, and its report."""
    report = directory / "report"
    report.unlink(missing_ok=True)
    started = time.monotonic()
    done = subprocess.run([*ON_N1, ROVE, "run", "--report", report, "--", ROVE, "mpirun", *options, "-np", str(RANKS),
                           program, str(PRIMES_BELOW), str(STEPS)],
                          capture_output=True, text=True, timeout=LIMIT_S * 2, stdin=subprocess.DEVNULL)
    seconds = time.monotonic() - started
    if done.returncode or not done.stdout.rstrip().endswith("verified"):
        raise Broken(f"the job ended with {done.returncode}: {done.stdout}{done.stderr}")
    wait_for(report.exists, "report of the job")
    say(f"  {seconds:.1f} s: {done.stdout.strip()}")
    return seconds, json.loads(report.read_text())


class Latency:
    """Two ranks of tests/mpi/latency.c; each line on standard input makes them measure once more."""

    def __init__(self, program, *mpirun):
        self.program = program
        self.process = subprocess.Popen([*ON_N1, *mpirun, "-np", "2", program], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)

    def measure(self, where):
        """A row of the table: microseconds one way, by size."""
        self.process.stdin.write("again\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise Broken("the latency program has ended early")
        return where, json.loads(line)

    def ranks(self):
        return [row["pid"] for row in rows() if row["command"] == str(self.program)]

    def end(self):
        self.process.stdin.close()
        if self.process.wait(timeout=LIMIT_S) != 0:
            raise Broken(f"the latency program ended with {self.process.returncode}")


def latencies(program):
    """The rows of the table."""
    plain = Latency(program, "mpirun")
    table = [plain.measure("plain mpirun: shared memory")]
    plain.end()
    ours = Latency(program, ROVE, "mpirun")
    table.append(ours.measure("rove mpirun: both at home"))
    first, second = ours.ranks()
    for pid, node, where in ((first, "n2", "one on n2, one at home"), (second, "n3", "one on n2, one on n3"),
                             (second, "n2", "both on n2")):
        move(pid, node)
        table.append(ours.measure(where))
    ours.end()
    return table


def show(table):
    sizes = list(table[0][1])
    say(f"  {'bytes':30}" + "".join(f"{int(size):>10,}" for size in sizes))
    for where, microseconds in table:
        say(f"  {where:30}" + "".join(f"{microseconds[size]:>10.1f}" for size in sizes))


def lab_up(*options, config=""):
    os.environ["ROVE_LAB_CONFIG"] = config
    rove("lab", "down", "--name", LAB, check=False)
    rove("lab", "up", "--name", LAB, "--nodes", "3", *options)


def run(directory):
    primes, latency = build(directory, "primes"), build(directory, "latency")
    say(f"A lab of three nodes, {demo.CORES} cores each. A job of {RANKS} ranks, all on n1, and to stay there:")
    lab_up("--cpus", demo.CORES)
    alone, _ = job(primes, directory, "--stay")
    say("\nThe same job again, started on n1, and nobody says where it is to run:")
    with Watch():
        together, report = job(primes, directory)
    if report["moves"] == 0:
        raise Broken("the job has not spread")

    say("\nWhat a message takes, one way, in microseconds: the median of up to 200 round trips, halved. Nodes without")
    say(f"CPU limits, on one machine of {os.cpu_count()} cores with a load of {os.getloadavg()[0]:.1f}; messages go from")
    say("where the one rank is to where the other one is:")
    lab_up("--cpus", "0", "--mem", "0", config="policy.auto = false")
    show(latencies(latency))
    say("")
    return report["moves"], alone, together


def main():
    # Open MPI does not like to be started by root, who alone can make a lab.
    os.environ.update(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
    return demo.main(run, "./run demo mpi")


if __name__ == "__main__":
    sys.exit(interruption.run("demo", main))
