# SPDX-License-Identifier: Apache-2.0
"""What a program has used and is due, wherever it is: CPU time, calls, clocks, its priority."""
import subprocess
import sys

from conftest import wait_for
from counting import end, only

BURN = """
import os, time
while True:
    start = time.process_time()
    while time.process_time() < start + 0.02: pass
    os.getcwd()
    print(time.process_time(), flush=True)
"""


def test_accounts_go_on_over_stays(quiet):
    """CPU time from host to host; calls and what they cost over visits home and the daemon's end, too."""
    program = quiet.start("n1", "rove", "run", "--", "python3", "-c", BURN)
    row = wait_for(lambda: (found := only(quiet)) and "-c" in found["command"] and found, "row in ps")
    pid = str(row["pid"])

    def used(last):
        """CPU time as the program sees it, once it has used some more; it never goes back."""
        now = last
        while now < last + 0.1:
            line = float(program.stdout.readline())
            assert line >= now
            now = line
        return now

    def calls():
        row = {line["name"]: line for line in quiet.json("n1", "trace", pid)}["getcwd"]
        return {key: row[key] for key in ("count", "forwarded", "us_total", "bytes")}

    assert quiet.json("n1", "trace", pid) == []
    time, told, before = used(0), 0, dict.fromkeys(("count", "forwarded", "us_total", "bytes"), 0)
    for host in ("n2", "n3", "n2", "n3"):
        quiet.run("n1", "rove", "move", pid, host)
        time = used(time)
        now = calls()
        assert all(now[key] > before[key] for key in now), f"{before} {now}"
        before = now
        told = wait_for(lambda: (cpu := only(quiet)["cpu_seconds"]) > told and cpu, "more CPU time in ps")
    quiet.run("n1", "rove", "move", pid, "home")
    before = calls()
    assert only(quiet)["cpu_seconds"] > told
    quiet.do("daemon", "n1", "stop")
    quiet.do("daemon", "n1", "start")
    assert wait_for(lambda: quiet.json("n1", "trace", pid) and calls(), "calls after the daemon's end") == before
    end(quiet, program, row)


CLOCKS = """
import sys, time
for line in sys.stdin:
    for _ in range(1000): time.process_time(), time.thread_time()
    print(time.process_time() > 0, flush=True)
"""


def test_a_cpu_clock_that_is_read_often_asks_home_once(quiet):
    program = quiet.start("n1", "rove", "run", "--on", "n2", "--", "python3", "-c", CLOCKS, stdin=subprocess.PIPE)
    row = wait_for(lambda: (found := only(quiet)) and found["host"] == "n2" and found, "program on n2")
    program.stdin.write("\n")
    program.stdin.flush()
    assert program.stdout.readline() == "True\n"
    clocks = {line["name"]: line for line in quiet.json("n1", "trace", row["pid"])}["clock_gettime"]
    assert clocks["count"] > 2000 and clocks["forwarded"] < 20
    end(quiet, program, row)


PRIORITIES = """
import os
for pid in filter(str.isdigit, os.listdir("/proc")):
    try:
        name, rest = open(f"/proc/{pid}/stat").read().split("(", 1)[1].rsplit(")", 1)
        print(name, rest.split()[16])
    except OSError:
        pass  # it has ended
"""


def test_a_guest_has_the_priority_of_guests_and_its_warden_a_better_one(new_lab):
    lab = new_lab("--nodes", "2", "--cpus", "0", "--mem", "0", env={"ROVE_LAB_CONFIG": "guests.nice = 5"})
    program = lab.start("n1", "rove", "run", "--on", "n2", "--", "sleep", "1000")
    row = wait_for(lambda: (found := only(lab)) and found["host"] == "n2" and found, "program on n2")
    found = lab.run("n2", sys.executable, "-c", PRIORITIES).stdout.splitlines()
    assert "sleep 5" in found
    assert "rove-warden -5" in found
    end(lab, program, row)
