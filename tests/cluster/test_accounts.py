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
import glob
names, found = {}, []
for path in glob.glob("/proc/[0-9]*/task/[0-9]*/stat"):
    try:
        name, rest = open(path).read().split("(", 1)[1].rsplit(")", 1)
    except OSError:
        continue  # it has ended
    fields = rest.split()
    names[path.split("/")[2]] = name
    found.append((fields[1], name, int(fields[16]), int(fields[38])))
for parent, name, nice, policy in found:
    if name == "rove-warden" or names.get(parent) == "rove-warden":
        print(name if name == "rove-warden" else "guest", nice, policy)
"""


def priorities(lab, node):
    """Nice value and policy of each guest's thread, and of each warden."""
    found = lab.run(node, sys.executable, "-c", PRIORITIES).stdout.split("\n")[:-1]
    return ([tuple(map(int, line.split()[1:])) for line in sorted(found) if line.split()[0] == kind]
            for kind in ("guest", "rove-warden"))


def await_priorities(lab, node, *wanted):
    def as_wanted():
        guests, wardens = priorities(lab, node)
        return wardens == [(-5, 0)] and sorted(guests) == sorted(wanted)
    wait_for(as_wanted, f"guest with the priorities {wanted}", limit_s=5)


# Reads "THREAD NICE POLICY": the first thread or the second one sets its own; answers with what both have.
TOLD = """
import os, queue, sys, threading
def own(nice, policy):
    os.setpriority(os.PRIO_PROCESS, 0, nice)
    if os.sched_getscheduler(0) != policy: os.sched_setscheduler(0, policy, os.sched_param(0))
def other():
    while True: done.put(own(*orders.get()))
orders, done = queue.Queue(), queue.Queue()
threading.Thread(target=other, daemon=True).start()
for line in sys.stdin:
    thread, nice, policy = map(int, line.split())
    if thread == 1: own(nice, policy)
    else: orders.put((nice, policy)), done.get()
    tids = sorted(map(int, os.listdir("/proc/self/task")))[:2]
    print(*((os.getpriority(os.PRIO_PROCESS, tid), os.sched_getscheduler(tid)) for tid in tids), flush=True)
"""


def test_a_guest_has_its_programs_priority_unless_the_host_allows_less(new_lab):
    lab = new_lab("--nodes", "3", "--cpus", "0", "--mem", "0", env={"ROVE_LAB_CONFIG": "guests.nice = 5"})
    program = lab.start("n1", "rove", "run", "--", "python3", "-c", TOLD, stdin=subprocess.PIPE)
    row = wait_for(lambda: (found := only(lab)) and "-c" in found["command"] and found, "row in ps")
    pid = str(row["pid"])

    def tell(thread, nice, policy, *answer):
        program.stdin.write(f"{thread} {nice} {policy}\n")
        program.stdin.flush()
        assert program.stdout.readline().strip() == " ".join(map(str, answer))

    tell(1, 0, 0, (0, 0), (0, 0))
    lab.run("n1", "rove", "move", pid, "n2")
    await_priorities(lab, "n2", (5, 0), (5, 0))
    tell(1, 3, 0, (3, 0), (0, 0))
    await_priorities(lab, "n2", (5, 0), (5, 0))
    tell(2, 9, 0, (3, 0), (9, 0))
    await_priorities(lab, "n2", (5, 0), (9, 0))
    tell(1, 7, 3, (7, 3), (9, 0))
    await_priorities(lab, "n2", (7, 3), (9, 0))
    lab.run("n1", "rove", "move", pid, "n3")
    await_priorities(lab, "n3", (7, 3), (9, 0))
    tell(2, 0, 5, (7, 3), (0, 5))
    await_priorities(lab, "n3", (7, 3), (5, 5))
    lab.do("daemon", "n3", "stop")
    lab.run("n1", "renice", "12", pid)
    lab.do("daemon", "n3", "start")
    await_priorities(lab, "n3", (12, 3), (5, 5))
    tell(1, -2, 0, (-2, 0), (0, 5))
    tell(2, 0, 0, (-2, 0), (0, 0))
    await_priorities(lab, "n3", (5, 0), (5, 0))
    lab.run("n1", "rove", "move", pid, "home")
    tell(1, -2, 0, (-2, 0), (0, 0))
    end(lab, program, row)


def test_a_child_that_is_born_away_has_its_own_priority(new_lab):
    lab = new_lab("--nodes", "2", "--cpus", "0", "--mem", "0", env={"ROVE_LAB_CONFIG": "guests.nice = 5"})
    program = lab.start("n1", "rove", "run", "--on", "n2", "--", "sh", "-c", "nice -n 8 sleep 1000; exit 3")
    row = wait_for(lambda: (found := only(lab)) and found["host"] == "n2" and found, "program on n2")
    await_priorities(lab, "n2", (5, 0), (8, 0))
    end(lab, program, row)
