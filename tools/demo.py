#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""demo: three nodes on this machine, one job on one of them, and what becomes of it when it may spread.

Everything is done by the `rove` command, as a person would. Takes about a minute and cleans up.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import time

import interruption

ROOT = pathlib.Path(__file__).resolve().parent.parent
ROVE = os.environ.get("ROVE", str(ROOT / "build/bin/rove"))
LAB = "demo"
NODES = ("n1", "n2", "n3")
CORES = "0.5"  # each, so that three nodes fit into two cores
CPU_S = 4.0  # of each worker
LIMIT_S = 120

# A worker: hashes for a fixed number of rounds and leaves the result in a file of its own.
WORKER = """
import hashlib, sys
digest = sys.argv[1].encode()
for _ in range(int(sys.argv[2])):
    digest = hashlib.sha256(digest).digest()
open(f"result-{sys.argv[1]}", "w").write(digest.hex())
"""
WALKER = """
import os, sys, time
for step in sys.stdin:
    print(f"I am pid {os.getpid()} on {os.uname().nodename}; you wrote: line {step.strip()}", flush=True)
"""


class Broken(Exception):
    """Something that the demo needed did not happen."""


def say(text=""):
    print(text, flush=True)


def rove(*words, node=None, check=True):
    """Runs `rove WORDS…`, on that node if one is given, and returns what it printed."""
    command = [ROVE, *words] if node is None else [ROVE, "lab", "run", "--name", LAB, node, "--", ROVE, *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, stdin=subprocess.DEVNULL)
    if check and done.returncode:
        raise Broken(f"rove {' '.join(words)} failed with {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def start(directory, *words, **options):
    """Starts `rove run WORDS…` on n1."""
    return subprocess.Popen([ROVE, "lab", "run", "--name", LAB, "n1", "--", ROVE, "run", *words], cwd=directory, text=True, **options)


def rows():
    return json.loads(rove("ps", "--json", node="n1"))


def wait_for(condition, what):
    limit = time.monotonic() + LIMIT_S
    while not (found := condition()):
        if time.monotonic() > limit:
            raise Broken(f"there was no {what}")
        time.sleep(0.02)
    return found


def move(pid, node):
    """Moves and tells; returns the figures."""
    figures = json.loads(rove("move", str(pid), node, "--json", node="n1"))
    say(f"  {pid}: {figures['from']} → {figures['to']}, {figures['bytes'] / 1e6:.1f} MB, "
        f"stood still {figures['freeze_ms']:.1f} ms, {figures['total_ms']:.0f} ms in all")
    return figures


def job(directory, rounds, *options):
    """Runs the job of three workers on n1. Seconds, results, and what its report says."""
    for old in [*directory.glob("result-*"), *directory.glob("report")]:
        old.unlink()
    script = f"for i in 1 2 3; do python3 worker.py $i {rounds} & done; wait"
    report = directory / "report"
    started = time.monotonic()
    program = start(directory, *options, "--report", report, "--", "sh", "-c", script)
    try:
        if program.wait(timeout=LIMIT_S) != 0:
            raise Broken(f"the job ended with {program.returncode}")
    finally:
        program.kill()
    seconds = time.monotonic() - started
    results = [path.read_text() for path in sorted(directory.glob("result-*"))]
    if len(results) != 3:
        raise Broken(f"the job left {len(results)} of 3 results")
    wait_for(report.exists, "report of the job")
    return seconds, results, json.loads(report.read_text())


class Watch:
    """Tells what `rove events` shows of moves on n1 while the block runs."""

    def __enter__(self):
        self.began = time.monotonic()
        self.events = subprocess.Popen([ROVE, "lab", "run", "--name", LAB, "n1", "--", ROVE, "events", "--json"],
                                       stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
        self.thread = threading.Thread(target=self.tell)
        self.thread.start()
        return self

    def tell(self):
        for line in self.events.stdout:
            event = json.loads(line)
            if event["event"] == "move":
                figures = event["figures"]
                why = f", gain {figures['gain_s']:.1f} s expected" if "gain_s" in figures else ""
                say(f"  after {time.monotonic() - self.began:.1f} s: {event['pid']} {event['from']} → {event['to']}"
                    f" ({figures.get('why', 'asked for')}{why})")

    def __exit__(self, *_):
        self.events.terminate()
        self.events.wait()
        self.thread.join()


def rounds_for(directory, cpu_seconds):
    """How many rounds take a worker that much CPU time on this machine."""
    trial = 300000
    began = os.times().children_user
    subprocess.run(["python3", "worker.py", "trial", str(trial)], cwd=directory, check=True)
    return int(trial * cpu_seconds / (os.times().children_user - began))


def walk(directory, moves):
    """One program, out and back by hand, that tells its PID and host name at every stop."""
    program = start(directory, "--stay", "--", "python3", "-c", WALKER, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        def tell(word):
            program.stdin.write(word + "\n")
            program.stdin.flush()
            say(f"  it says: {program.stdout.readline().strip()}")

        tell("one")
        pid = wait_for(lambda: [row["pid"] for row in rows()], "program in `rove ps`")[0]
        for word, stop in (("two", "n2"), ("three", "n3"), ("four", "home")):
            moves.append(move(pid, stop))
            tell(word)
        program.stdin.close()
        if program.wait(timeout=LIMIT_S) != 0:
            raise Broken(f"the program ended with {program.returncode}")
    finally:
        program.kill()


def demo(directory):
    moves = []
    say(f"A lab of three nodes, {CORES} cores each:")
    rove("lab", "up", "--name", LAB, "--nodes", "3", "--cpus", CORES)
    say(rove("lab", "status", "--name", LAB).rstrip())
    say("\nOne program, started on n1, moved by hand to n2, to n3 and home. Its system calls are performed at home,")
    say("so it reads our pipe and sees its own PID and host name wherever it runs:")
    walk(directory, moves)
    (directory / "worker.py").write_text(WORKER)
    rounds = rounds_for(directory, CPU_S)
    say("\nA job of three workers, all on n1, and to stay there:")
    alone, expected, _ = job(directory, rounds, "--stay")
    say(f"  {alone:.1f} s")
    say("\nThe same job again, started on n1, and nobody says where it is to run:")
    with Watch():
        together, results, report = job(directory, rounds)
    say(f"  {together:.1f} s")
    if results != expected:
        raise Broken("the results of the job that spread differ from those of the one that stayed")
    if report["moves"] == 0:
        raise Broken("the job has not spread")
    say("  the results are the same.\n")
    return len(moves) + report["moves"], alone, together


def main(shown=demo, command="./run demo"):
    """Runs what is shown: moves, and seconds on one node and on all."""
    if os.geteuid() != 0:
        sys.exit(f"demo: a lab needs root; try: sudo {command}")
    rove("lab", "down", "--name", LAB, check=False)
    try:
        with tempfile.TemporaryDirectory(prefix="rove-demo-") as directory:
            moves, alone, together = shown(pathlib.Path(directory))
    except (Broken, subprocess.SubprocessError, KeyError, ValueError) as problem:
        print(f"demo: {problem}", file=sys.stderr)
        for node in NODES:
            print(f"--- the log of {node} ends with", file=sys.stderr)
            print("\n".join(rove("lab", "log", "--name", LAB, node, check=False).splitlines()[-10:]), file=sys.stderr)
        return 1
    finally:
        rove("lab", "down", "--name", LAB, check=False)
    say(f"demo ok: {moves} moves, {alone:.1f} s on one node, {together:.1f} s on all")
    return 0


if __name__ == "__main__":
    sys.exit(interruption.run("demo", main))
