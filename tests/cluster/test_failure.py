# SPDX-License-Identifier: Apache-2.0
"""What a failure looks like from outside: hosts that vanish, targets that refuse, processes that are killed or stopped."""
import pathlib
import signal
import time

import pytest

from conftest import wait_for
from counting import counting, end, only
from test_daemon import error_of

LARGE = "import time\nblock = bytearray(b'x' * (64 << 20))\nfor i in range(100000):\n print(i, flush=True)\n time.sleep(0.01)\n"
SILENCE_S = 3  # after which the other side of a session is taken for dead


@pytest.fixture(scope="module")
def lab(quiet):
    return quiet


@pytest.fixture(autouse=True)
def alone(lab):
    """What a failed test has left running would be taken for the next one's program."""
    yield
    for row in lab.json("n1", "ps"):
        lab.run("n1", "kill", "-9", row["pid"], check=False)
    wait_for(lambda: lab.json("n1", "ps") == [], "empty ps")


def keepers(lab, node):
    return lab.run(node, "pgrep", "-f", "rove-keeper", check=False).stdout.split()


def move(lab, row, node):
    lab.run("n1", "rove", "move", row["pid"], node)


def numbers_go_on(program, count=200):
    """More of them than a pause of the program could have left in its pipe."""
    first = int(program.stdout.readline())
    for number in range(first + 1, first + count):
        assert program.stdout.readline() == f"{number}\n"


def test_a_cut_link_ends_the_process_on_both_sides(lab):
    program, row = counting(lab)
    move(lab, row, "n2")
    began = time.monotonic()
    lab.do("cut", "n1:n2")
    try:
        assert program.wait(timeout=SILENCE_S + 3) == 128 + signal.SIGKILL
        told = lab.json("n1", "explain", row["pid"])
        assert told["reason"] == "host_lost" and "n2" in told["reason_text"]
        wait_for(lambda: not keepers(lab, "n1") and not keepers(lab, "n2"), "end of all keepers", limit_s=SILENCE_S + 3)
        assert lab.json("n2", "ps", "--all") == []
        assert time.monotonic() - began < 2 * SILENCE_S + 3
    finally:
        lab.do("heal")
    wait_for(lambda: all(node["state"] == "up" for node in lab.json("n1", "nodes")), "agreement")


def test_an_outage_that_is_shorter_than_a_host_may_be_silent_ends_nobody(lab):
    program, row = counting(lab)
    move(lab, row, "n2")
    for _ in range(2):
        lab.do("cut", "n2")
        time.sleep(SILENCE_S - 1)
        lab.do("heal")
        numbers_go_on(program)
    assert only(lab)["host"] == "n2"
    end(lab, program, row)


def test_a_node_that_has_just_been_cut_off_can_be_drained(lab):
    """Its lines are heard again only when their ends try once more."""
    for _ in range(5):
        program, row = counting(lab)
        move(lab, row, "n2")
        begun = time.monotonic()
        lab.do("cut", "n2")
        time.sleep(SILENCE_S - 1)
        lab.do("heal")
        if time.monotonic() - begun < SILENCE_S - 0.3:
            break
        # That took so long that it may have lost its host.
        lab.run("n1", "kill", "-KILL", row["pid"], check=False)
        program.wait(timeout=20)
    lab.run("n1", "rove", "node", "drain", "n2")
    assert only(lab)["host"] == "n1"
    lab.run("n1", "rove", "node", "unblock", "n2")
    end(lab, program, row)


def test_a_link_cut_while_memory_travels_leaves_it_at_home(new_lab):
    lab = new_lab("--nodes", "2", "--cpus", "0", "--mem", "0", "--rate", "100mbit")
    program = lab.start("n1", "rove", "run", "--", "python3", "-c", LARGE)
    assert program.stdout.readline() == "0\n"
    row = wait_for(lambda: only(lab), "row in ps")
    moving = lab.start("n1", "rove", "move", row["pid"], "n2", "--json", stderr=-1)
    # 64 MB take five seconds.
    wait_for(lambda: int(lab.run("n2", "cat", "/sys/class/net/eth0/statistics/rx_bytes").stdout) > 4 << 20, "memory on its way")
    lab.do("cut", "n2")
    assert moving.wait(timeout=SILENCE_S + 5) == 1
    assert moving.stderr.read().count("\n") <= 1
    numbers_go_on(program)
    assert only(lab)["host"] == "n1"
    wait_for(lambda: not keepers(lab, "n2"), "end of the warden", limit_s=SILENCE_S + 3)
    end(lab, program, row)


def test_the_guest_of_a_killed_process_is_gone_within_a_second(lab):
    program, row = counting(lab)
    move(lab, row, "n2")
    lab.run("n1", "kill", "-9", row["pid"])
    wait_for(lambda: not keepers(lab, "n2"), "end of the guest", limit_s=1)
    assert program.wait(timeout=5) == 128 + signal.SIGKILL


def test_the_guest_of_a_process_killed_with_its_steward_is_gone_within_a_second(lab):
    program, row = counting(lab)
    move(lab, row, "n2")
    lab.run("n1", "kill", "-9", *keepers(lab, "n1"), row["pid"])
    wait_for(lambda: not keepers(lab, "n2"), "end of the guest", limit_s=1)
    assert program.wait(timeout=5) == 128 + signal.SIGKILL


def test_a_dead_target_is_told_in_one_sentence(lab):
    program, row = counting(lab)
    lab.do("kill", "n3")
    try:
        code, text = error_of(lab, "n1", "move", row["pid"], "n3")
        assert code == 1 and "n3" in text and "\n" not in text
        assert only(lab)["host"] == "n1"
        move(lab, row, "n2")
        code, text = error_of(lab, "n1", "move", row["pid"], "n3")
        assert code == 1 and "n3" in text
        numbers_go_on(program)
        assert only(lab)["host"] == "n2"
    finally:
        lab.do("start", "n3")
    wait_for(lambda: all(node["state"] == "up" for node in lab.json("n1", "nodes")), "agreement")
    move(lab, row, "n3")
    end(lab, program, row)


@pytest.mark.parametrize("point, at, there", [("after_inject", "n1", "n2"), ("after_pages", "n1", "n2"), ("after_commit", "n1", "n2"),
                                              ("onward_parked", "n2", "n3"), ("parked", "n2", "home"), ("home_after_commit", "n2", "home")])
def test_a_steward_that_dies_while_it_moves_a_stopped_process(new_lab, tmp_path, point, at, there):
    fault = tmp_path / "fault"
    lab = new_lab("--nodes", "3", "--cpus", "0", "--mem", "0", env={"ROVE_FAULT": f"@{fault}"})
    program, row = counting(lab)
    if at != "n1":
        move(lab, row, at)
    lab.run("n1", "kill", "-STOP", row["pid"])
    wait_for(lambda: only(lab)["stopped"], "stopped process")
    fault.write_text(f"{point}:kill")
    lab.run("n1", "rove", "move", row["pid"], there, check=False)
    assert f"fault point {point}: kill" in lab.do("log", "n1").stdout
    fault.write_text("")
    wait_for(lambda: (only(lab) or {}).get("stopped"), "stopped process once more")
    lab.run("n1", "kill", "-CONT", row["pid"])
    numbers_go_on(program)
    move(lab, row, "n3" if only(lab)["host"] != "n3" else "home")
    numbers_go_on(program)
    end(lab, program, row)


def test_an_order_that_a_leaving_steward_does_not_read_goes_to_the_next_one(new_lab, tmp_path):
    fault = tmp_path / "fault"
    lab = new_lab("--nodes", "2", "--cpus", "0", "--mem", "0", env={"ROVE_FAULT": f"@{fault}"})
    program, row = counting(lab)
    move(lab, row, "n2")
    fault.write_text("left_at_home:pause")
    move(lab, row, "home")
    wait_for(lambda: "fault point left_at_home: pause" in lab.do("log", "n1").stdout, "steward that is about to go")
    moving = lab.start("n1", "rove", "move", row["pid"], "n2", stderr=-1)
    wait_for(lambda: only(lab)["state"] == "moving", "order")
    fault.write_text("")
    assert moving.wait(timeout=10) == 0, moving.stderr.read()
    assert only(lab)["host"] == "n2"
    numbers_go_on(program)
    end(lab, program, row)


FREEZE = """
import pathlib, sys, time
for line in open(f"/proc/{sys.argv[1]}/cgroup"):
    number, controllers, path = line.strip().split(":", 2)
    if controllers == "freezer":
        knob, texts = pathlib.Path("/sys/fs/cgroup/freezer" + path, "freezer.state"), ("THAWED", "FROZEN")
        break
    if number == "0":
        knob, texts = pathlib.Path("/sys/fs/cgroup" + path, "cgroup.freeze"), ("0", "1")
knob.write_text(texts[int(sys.argv[2])])
"""


def freeze(lab, row, on):
    lab.run("n1", "python3", "-c", FREEZE, row["pid"], str(int(on)))


def test_a_frozen_process_stays_where_it_is(lab):
    program, row = counting(lab)
    for host, there in (("n1", "n2"), ("n2", "n3"), ("n2", "home")):
        freeze(lab, row, True)
        began = time.monotonic()
        code, text = error_of(lab, "n1", "move", row["pid"], there)
        assert code == 1 and "frozen" in text and time.monotonic() - began < 2
        assert only(lab)["host"] == host
        freeze(lab, row, False)
        numbers_go_on(program)
        if host == "n1":
            move(lab, row, "n2")
    end(lab, program, row)


@pytest.mark.parametrize("point, there", [("parked", "home"), ("onward_parked", "n3")])
def test_a_process_frozen_in_the_middle_of_a_move_lives(new_lab, tmp_path, point, there):
    fault = tmp_path / "fault"
    lab = new_lab("--nodes", "3", "--cpus", "0", "--mem", "0", env={"ROVE_FAULT": f"@{fault}"})
    program, row = counting(lab)
    move(lab, row, "n2")
    fault.write_text(f"{point}:pause")
    moving = lab.start("n1", "rove", "move", row["pid"], there, stderr=-1)
    wait_for(lambda: f"fault point {point}: pause" in lab.do("log", "n1").stdout, "pause")
    freeze(lab, row, True)
    fault.write_text("")
    assert moving.wait(timeout=50) == 1
    assert only(lab)["host"] == "n2"
    freeze(lab, row, False)
    numbers_go_on(program)
    move(lab, row, there)
    numbers_go_on(program)
    end(lab, program, row)


def test_a_guest_stands_still_with_its_frozen_process(lab):
    program = lab.start("n1", "rove", "run", "--", "python3", "-c", "print(flush=True)\nwhile True: pass")
    program.stdout.readline()
    row = only(lab)
    move(lab, row, "n2")

    def guest():
        return [line.split()[0] for line in lab.run("n2", "ps", "-eo", "stat,comm").stdout.splitlines()
                if line.split()[1].startswith("python3")]

    assert wait_for(guest, "guest")[0][0] == "R"
    freeze(lab, row, True)
    wait_for(lambda: guest()[0][0] == "T", "stopped guest", limit_s=3)
    freeze(lab, row, False)
    wait_for(lambda: guest()[0][0] == "R", "running guest", limit_s=3)
    end(lab, program, row)


def test_hosts_that_do_not_reach_each_other_cost_no_standstill(new_lab):
    lab = new_lab("--nodes", "3", "--cpus", "0", "--mem", "0")
    program = lab.start("n1", "rove", "run", "--", "python3", "-c",
                        "import time\nlongest = 0\nlast = time.monotonic()\nwhile True:\n now = time.monotonic()\n"
                        " longest = max(longest, now - last)\n last = now\n print(int(longest * 1000), flush=True)\n time.sleep(0.001)\n")
    before = int(program.stdout.readline())
    row = only(lab)
    move(lab, row, "n2")
    lab.do("cut", "n2:n3")
    began = time.monotonic()
    code, text = error_of(lab, "n1", "move", row["pid"], "n3")
    assert code == 1 and "n2" in text and "n3" in text and time.monotonic() - began < 5
    assert only(lab)["host"] == "n2"
    for _ in range(20000):  # what waits in the pipe, and more
        longest = int(program.stdout.readline())
    assert longest < before + 500
    lab.do("heal")
    move(lab, row, "n3")
    end(lab, program, row)


def test_a_steward_that_dies_while_the_process_is_stopped_is_replaced(lab):
    program, row = counting(lab)
    move(lab, row, "n2")
    lab.run("n1", "kill", "-STOP", row["pid"])
    wait_for(lambda: only(lab)["stopped"], "stopped process")
    former = set(lab.run("n1", "pgrep", "-f", "rove-keeper steward").stdout.split())
    lab.run("n1", "kill", "-9", *former)
    wait_for(lambda: (now := keepers(lab, "n1")) and not former & set(now), "another steward")
    lab.run("n1", "kill", "-CONT", row["pid"])
    numbers_go_on(program)
    move(lab, row, "home")
    end(lab, program, row)


def test_home_keeper_and_daemon_may_die_at_once(lab):
    program, row = counting(lab)
    move(lab, row, "n2")
    lab.do("daemon", "n1", "kill")
    lab.run("n1", "pkill", "-9", "-f", "rove-keeper steward")
    lab.do("daemon", "n1", "start")
    wait_for(lambda: (only(lab) or {}).get("host") == "n2" and keepers(lab, "n1"), "the process in ps again")
    numbers_go_on(program)
    move(lab, row, "n3")
    move(lab, row, "home")
    end(lab, program, row)


def test_a_host_that_is_out_of_memory_says_so(lab):
    # What the target grants is asked before anything is sent; see also test_daemon's grants.
    program, row = counting(lab)
    path = pathlib.Path(f"/run/rove-lab/{lab.name}/n2/rove.toml")
    original = path.read_text()
    path.write_text('guests.memory = "1M"\n' + original)
    try:
        lab.do("daemon", "n2", "stop")
        lab.do("daemon", "n2", "start")
        code, text = error_of(lab, "n1", "move", row["pid"], "n2")
        assert code == 1 and "memory" in text
    finally:
        path.write_text(original)
        lab.do("daemon", "n2", "stop")
        lab.do("daemon", "n2", "start")
    assert only(lab)["host"] == "n1"
    end(lab, program, row)
