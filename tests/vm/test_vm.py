# SPDX-License-Identifier: Apache-2.0
"""Different nodes: programs go to a node with another kernel, another vdso and another CPU, and come back."""
import json
import subprocess
import sys

import pytest

from conftest import TREE
from machine import BOOT_S

PROMISE = ("--cpu-baseline", "x86-64-v3")
PYTHON = "/usr/bin/python3"
LIMIT_S = 120  # of an emulated machine; nothing here depends on how fast it is

# Each line: the kernel that it sees, whether clocks and arithmetic are as they should be, and what time it is.
CLOCKS = """
import os, sys, time
clocks = (time.CLOCK_MONOTONIC, time.CLOCK_BOOTTIME, time.CLOCK_REALTIME)
last = [time.clock_gettime_ns(clock) for clock in clocks]
while True:
    now = [time.clock_gettime_ns(clock) for clock in clocks]
    right = all(a <= b for a, b in zip(last, now)) and sum(i * i for i in range(1000)) == 332833500
    last = now
    print(os.uname().release, right, time.time_ns(), flush=True)
    time.sleep(0.01)
"""
# What the kernels of different versions, or the CPUs, could do differently.
GUEST_TESTS = ("cpu_registers", "calls_hot", "fd_pipe", "image_cxx", "image_dlopen", "memory_code", "memory_files", "memory_heap", "memory_merged",
               "memory_old_files", "memory_stack", "proc_maps", "process_exec", "process_fork", "signal_altstack", "signal_context", "signal_frame",
               "signal_longjmp", "signal_once", "threads_join", "threads_robust", "threads_rseq", "time_file_stamps", "time_futex", "time_vdso",
               "time_waits")


class Program:
    """Runs on n1; `pid` is its own."""

    def __init__(self, lab, *options):
        self.lab = lab
        self.process = lab.start("n1", "rove", "run", "--stay", *PROMISE, *options, "--", PYTHON, "-u", "-c", CLOCKS)
        self.look()
        self.pid = max(row["pid"] for row in lab.json("n1", "ps"))

    def look(self):
        release, right, wall_ns = self.process.stdout.readline().split()
        assert right == "True"
        return release, int(wall_ns)

    def move(self, to):
        done = self.lab.run("n1", "rove", "move", str(self.pid), to, check=False)
        assert done.returncode == 0, done.stderr
        where = next(row["host"] for row in self.lab.json("n1", "ps") if row["pid"] == self.pid)
        assert where == ("n1" if to == "home" else to)
        return [self.look() for _ in range(50)]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def kernel_of(rows):
    return next(row["name"].split()[1] for row in rows if row["name"].startswith("kernel "))


def test_the_machine_is_another(mixed):
    lab, machine = mixed
    there = json.loads(machine.run([lab.rove, "check", "--json"], check=False)["out"])
    assert kernel_of(there) != kernel_of(lab.json("n1", "check"))


def test_a_program_goes_there_and_back(mixed):
    lab, _ = mixed
    with Program(lab) as program:
        home, _ = program.look()
        for to in ("n2", "home", "n2", "n3", "n2", "home", "n3", "n2", "n3", "home"):
            assert {release for release, _ in program.move(to)} == {home}, "uname is home's"


def test_it_starts_there(mixed):
    lab, _ = mixed
    with Program(lab, "--on", "n2") as program:
        assert program.move("home")


def test_a_program_without_a_promise_stays(mixed):
    lab, _ = mixed
    done = lab.run("n1", "rove", "run", "--on", "n2", "--", "true", check=False)
    assert done.returncode == 125 and "cpu_features" in done.stderr


def test_clocks_that_differ_by_hours(mixed):
    lab, machine = mixed
    now = float(subprocess.run(["date", "+%s.%N"], capture_output=True, text=True, check=True).stdout)
    machine.run(["date", "-s", f"@{now + 3 * 3600:.3f}"])
    try:
        with Program(lab) as program:
            for to in ("n2", "home", "n2"):
                before = float(subprocess.run(["date", "+%s"], capture_output=True, text=True, check=True).stdout)
                for _, wall_ns in program.move(to)[10:]:
                    assert before - 10 <= wall_ns / 1e9 < before + LIMIT_S
    finally:
        machine.run(["date", "-s", f"@{now:.3f}"])


def test_at_home_in_the_machine(mixed):
    """What starts there runs there; a CPU that has registers which that home lacks is refused with its reason."""
    lab, machine = mixed
    done = machine.run([lab.rove, "run", "--", PYTHON, "-c", "print(sum(range(10)))"])
    assert done["out"] == "45\n" and done["err"] == ""
    refused = machine.run([lab.rove, "run", "--on", "n1", "--", "true"], check=False)
    assert refused["status"] in (0, 125) and (refused["status"] == 0 or "cpu_features" in refused["err"])


@pytest.mark.parametrize("mode", ["away", "return"])
@pytest.mark.parametrize("name", GUEST_TESTS)
def test_guest(mixed, name, mode):
    lab, _ = mixed
    done = subprocess.run([sys.executable, TREE / "tests/guest/run.py", name, "--lab", lab.name, "--rove", lab.rove, "--jobs", "1",
                           "--limit", str(LIMIT_S), "--mode", mode, "--options", " ".join(PROMISE)],
                          capture_output=True, text=True, timeout=BOOT_S + 2 * LIMIT_S, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stdout + done.stderr
