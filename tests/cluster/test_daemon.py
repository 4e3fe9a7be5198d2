# SPDX-License-Identifier: Apache-2.0
"""The daemon: who is a member, who takes whom, what survives its end, and what it answers to nonsense."""
import json
import pathlib
import signal
import subprocess

import pytest

from conftest import wait_for
from counting import COUNT, counting, end, only


@pytest.fixture
def lab(new_lab):
    return new_lab("--nodes", "3", "--cpus", "0", "--mem", "0")


def states(lab, node):
    return {row["name"]: row["state"] for row in lab.json(node, "nodes")}


def error_of(lab, node, *verb):
    done = lab.run(node, "rove", *verb, "--json", check=False)
    assert done.stdout == ""
    return done.returncode, json.loads(done.stderr)["error"]


def settings(lab, node):
    return pathlib.Path(f"/run/rove-lab/{lab.name}/{node}/rove.toml")


def configure(lab, node, line):
    path = settings(lab, node)
    path.write_text(line + "\n" + path.read_text())
    lab.do("daemon", node, "stop")
    lab.do("daemon", node, "start")
    wait_for(lambda: all(states(lab, "n1")[n] == "up" for n in ("n1", "n2", "n3")), "agreement")


def test_a_silent_node_is_noticed_and_comes_back(lab):
    lab.do("cut", "n2")
    wait_for(lambda: states(lab, "n1")["n2"] == "dead", "dead n2", limit_s=10)
    # Each counts from the last word that it heard itself.
    wait_for(lambda: states(lab, "n2") == {"n1": "dead", "n2": "up", "n3": "dead"}, "dead others on n2", limit_s=5)
    lab.do("heal", "n2")
    wait_for(lambda: states(lab, "n1")["n2"] == "up", "n2 back", limit_s=5)


def test_a_member_row_has_every_field(quiet):
    rows = quiet.json("n1", "nodes")
    for row in rows:
        assert list(row)[:11] == ["name", "address", "state", "load", "cores", "speed", "memory_total_bytes",
                                  "memory_free_bytes", "guests", "age_ms", "auto"]
        assert row["speed"] > 0 and row["cores"] > 0 and row["memory_total_bytes"] > 0
    assert rows[0]["age_ms"] == 0 and rows[1]["age_ms"] < 1500


def test_a_wrong_key_is_the_reason_on_both_sides(lab):
    key = pathlib.Path(f"/run/rove-lab/{lab.name}/n2.key")
    key.write_text("another key, long enough to be one\n")
    key.chmod(0o600)
    path = settings(lab, "n2")
    path.write_text("\n".join(f'cluster.key_file = "{key}"' if "key_file" in line else line
                              for line in path.read_text().splitlines()) + "\n")
    lab.do("daemon", "n2", "stop")
    lab.do("daemon", "n2", "start")
    program, row = counting(lab)
    wait_for(lambda: "another cluster key" in error_of(lab, "n1", "move", row["pid"], "n2")[1], "reason")
    assert "another cluster key" in lab.do("log", "n1").stdout
    assert "another cluster key" in lab.do("log", "n2").stdout
    assert only(lab)["host"] == "n1"
    end(lab, program, row)


def test_grants_are_enforced_and_told(lab):
    program, row = counting(lab)
    for line, word in (("guests.max = 0", "guests.max"), ('guests.homes = ["n3"]', "guests.homes"),
                       ('guests.users = ["nobody"]', "guests.users"), ('guests.memory = "1M"', "guests.memory")):
        original = settings(lab, "n2").read_text()
        configure(lab, "n2", line)
        code, text = error_of(lab, "n1", "move", row["pid"], "n2")
        assert code == 1 and word in text
        settings(lab, "n2").write_text(original)
    lab.do("daemon", "n2", "stop")
    lab.do("daemon", "n2", "start")
    wait_for(lambda: states(lab, "n1")["n2"] == "up", "n2 back")
    lab.run("n2", "rove", "node", "block")
    wait_for(lambda: states(lab, "n1")["n2"] == "blocked", "blocked n2")
    assert error_of(lab, "n1", "move", row["pid"], "n2")[0] == 1
    assert lab.run("n1", "rove", "run", "--on", "n2", "--", "true", check=False).returncode == 125
    end(lab, program, row)


def test_run_says_how_much_memory_is_needed(lab):
    refused = lab.run("n1", "rove", "run", "--on", "n2", "--mem", "900T", "--", "true", check=False)
    assert refused.returncode == 125 and "memory" in refused.stderr
    assert lab.run("n1", "rove", "run", "--on", "n2", "--mem", "1M", "--no-patch", "--", "true", check=False).returncode == 0


def test_daemons_that_die_leave_guests_running(lab):
    program, row = counting(lab)
    lab.run("n1", "rove", "move", str(row["pid"]), "n2")
    for node, how in (("n1", "kill"), ("n2", "kill"), ("n1", "stop"), ("n2", "stop")):
        lab.do("daemon", node, how)
        before = int(program.stdout.readline())
        lab.do("daemon", node, "start")
        while int(program.stdout.readline()) < before + 5:
            pass
        wait_for(lambda: (only(lab) or {}).get("host") == "n2", "the process in ps again")
        wait_for(lambda: len(lab.json("n2", "ps", "--all")) == 1, "the guest in ps again")
    assert only(lab)["moves"] == 1
    end(lab, program, row)


def guest_groups(lab, node):
    """Their directories: one, or one in each of cgroup v1's hierarchies."""
    found = lab.run(node, "find", "/sys/fs/cgroup", "-type", "d", "-path", "*/rove-guests/*", check=False)
    return found.stdout.splitlines()


def test_a_daemon_removes_what_a_former_one_left_of_a_group(lab):
    """One that is killed while it removes a guest's group leaves some of its directories."""
    program, row = counting(lab)
    lab.run("n1", "rove", "move", str(row["pid"]), "n2")
    parents = sorted({str(pathlib.Path(group).parent) for group in guest_groups(lab, "n2")})
    end(lab, program, row)
    lab.do("daemon", "n2", "stop")
    lab.run("n2", "mkdir", f"{parents[0]}/half", *(f"{parent}/whole" for parent in parents))
    assert len(guest_groups(lab, "n2")) > len(parents)
    lab.do("daemon", "n2", "start")
    wait_for(lambda: not guest_groups(lab, "n2"), "end of both groups")


def test_a_second_daemon_leaves_the_first_alone(quiet):
    program, row = counting(quiet)
    second = quiet.run("n1", quiet.rove.with_name("roved"), "--config", settings(quiet, "n1"), check=False)
    assert second.returncode == 1 and "another roved (process " in second.stderr and second.stderr.count("\n") == 1
    quiet.run("n1", "rove", "move", row["pid"], "n2")
    assert only(quiet)["host"] == "n2"
    end(quiet, program, row)


def test_a_started_daemon_is_found_by_the_others(quiet):
    """`lab daemon … start` returns when it can be moved to."""
    program, row = counting(quiet)
    quiet.do("daemon", "n2", "stop")
    wait_for(lambda: states(quiet, "n1")["n2"] == "dead", "dead n2")
    quiet.do("daemon", "n2", "start")
    quiet.run("n1", "rove", "move", row["pid"], "n2")
    end(quiet, program, row)


def pids_limits(lab, node):
    """Of the guests there: of the processes whose warden is alive, as their cgroup says."""
    code = ("import glob,json;print(json.dumps([open(f).read().strip() for f in "
            "glob.glob('/sys/fs/cgroup/**/rove-guests/*/pids.max', recursive=True)]))")
    return json.loads(lab.run(node, "python3", "-c", code).stdout)


def test_a_guest_cannot_make_threads_without_end(quiet):
    program, row = counting(quiet)
    quiet.run("n1", "rove", "move", row["pid"], "n2")
    if not any(line["name"] == "cgroup controller pids" and line["ok"] for line in quiet.json("n2", "check")):
        end(quiet, program, row)
        pytest.skip("this machine has no pids controller")
    assert pids_limits(quiet, "n2") == ["8192"]
    end(quiet, program, row)


GROW = """
import sys
blocks = []
for line in sys.stdin:
    blocks.append(b"x" * (int(line) << 20))
    print(len(blocks), flush=True)
"""


def test_a_guest_that_outgrows_its_host_is_told_as_that(lab):
    configure(lab, "n2", 'guests.memory = "100M"')
    program = lab.start("n1", "rove", "run", "--", "python3", "-c", GROW, stdin=subprocess.PIPE)
    program.stdin.write("10\n")
    program.stdin.flush()
    assert program.stdout.readline() == "1\n"
    row = only(lab)
    lab.run("n1", "rove", "move", row["pid"], "n2")
    program.stdin.write("300\n")
    program.stdin.flush()
    assert program.wait(timeout=30) == 128 + signal.SIGKILL
    told = lab.json("n1", "explain", row["pid"])
    assert told["reason"] == "host_memory" and "guests.memory" in told["reason_text"] and "n2" in told["reason_text"]
    log = lab.do("log", "n1").stdout
    assert "was lost" not in log and "guests.memory" in log
    program.stdin.close()


CROWD = """
import os, socket, sys
os.setresgid(65534, 65534, 65534)
os.setresuid(65534, 65534, 65534)
crowd = []
for _ in range(3000):
    one = socket.socket(socket.AF_UNIX)
    one.settimeout(20)
    try:
        one.connect("/run/rove/control.sock")
    except OSError:
        break
    crowd.append(one)
print(crowd[-1].recv(1000).decode(), flush=True)
sys.stdin.readline()
print(crowd[0].recv(1000), flush=True)  # it has said nothing for too long
"""


def test_a_user_with_many_connections_is_alone_with_that(quiet):
    crowd = quiet.start("n1", "python3", "-c", "import resource;resource.setrlimit(7,(4096,4096))\n" + CROWD, stdin=subprocess.PIPE)
    assert crowd.stdout.readline().startswith("HTTP/1.1 503")
    while "too many connections" not in crowd.stdout.readline():
        pass
    follower = quiet.start("n1", "rove", "events", "--json")
    program, row = counting(quiet)
    quiet.run("n1", "rove", "move", row["pid"], "n2")
    crowd.stdin.write("\n")
    crowd.stdin.flush()
    assert crowd.stdout.read().strip() == "b''"
    assert crowd.wait() == 0
    # One who follows events says nothing either, and is let be.
    quiet.run("n1", "rove", "move", row["pid"], "home")
    while (event := json.loads(follower.stdout.readline()))["event"] != "move" or event["to"] != "n1":
        pass
    follower.kill()
    follower.wait()
    end(quiet, program, row)


def test_strangers_on_the_peer_port_do_not_stay(lab):
    code = f"""
import select, socket, sys
crowd = [socket.create_connection(("{lab.address('n2')}", 7946)) for _ in range(300)]
print(len(crowd), flush=True)
for one in crowd:
    one.settimeout(20)
    try:
        assert one.recv(1) == b""
    except ConnectionResetError:
        pass
print("all ended", flush=True)
"""
    crowd = lab.start("n1", "python3", "-c", code)
    assert crowd.stdout.readline() == "300\n"
    lab.do("daemon", "n1", "stop")
    lab.do("daemon", "n1", "start")
    assert states(lab, "n1")["n2"] == "up"
    assert crowd.stdout.readline() == "all ended\n"
    crowd.wait()


def test_a_killed_steward_is_replaced(quiet):
    program, row = counting(quiet)
    quiet.run("n1", "rove", "move", str(row["pid"]), "n2")
    steward = quiet.run("n1", "pgrep", "-f", "rove-keeper steward").stdout.split()[0]
    quiet.run("n1", "kill", "-9", steward)
    wait_for(lambda: (new := quiet.run("n1", "pgrep", "-f", "rove-keeper steward", check=False).stdout.split())
             and new[0] != steward, "another steward")
    for _ in range(5):
        assert program.stdout.readline()
    end(quiet, program, row)


def test_a_lost_host_ends_its_guest_as_if_killed(lab):
    program, row = counting(lab)
    lab.run("n1", "rove", "move", str(row["pid"]), "n2")
    lab.do("kill", "n2")
    assert program.wait(timeout=20) == 128 + signal.SIGKILL
    told = wait_for(lambda: lab.json("n1", "explain", str(row["pid"])), "explanation")
    assert told["reason"] == "host_lost"
    lines = [line for line in lab.do("log", "n1").stdout.splitlines() if "was lost" in line]
    assert len(lines) == 1 and "n2" in lines[0]


def test_a_killed_process_takes_its_guest_along(quiet):
    program, row = counting(quiet)
    quiet.run("n1", "rove", "move", str(row["pid"]), "n2")
    wait_for(lambda: quiet.json("n2", "ps", "--all"), "guest on n2")
    quiet.run("n1", "kill", "-9", str(row["pid"]))
    wait_for(lambda: not quiet.json("n2", "ps", "--all"), "end of the guest", limit_s=2)
    assert program.wait(timeout=20) == 128 + signal.SIGKILL
    assert quiet.json("n1", "ps") == []


def test_the_report_tells_how_it_ended(quiet, tmp_path):
    report = tmp_path / "report.json"
    quiet.run("n1", "rove", "run", "--report", report, "--", "sh", "-c", "sleep 0.1 & exit 3", check=False)
    wait_for(report.exists, "report")
    told = json.loads(report.read_text())
    assert list(told) == ["exit_status", "signal", "moves", "seconds_home", "seconds_away", "forwarded_calls",
                          "local_calls", "bytes_moved", "freeze_ms_max", "came_home"]
    assert told["exit_status"] == 3 and told["signal"] is None and told["moves"] == 0
    # One that is away from its first instruction to its last, for an instant.
    again = tmp_path / "again.json"
    quiet.run("n1", "env", "LC_ALL=C", str(quiet.rove), "run", "--on", "n2", "--report", again, "--",
              "dd", "if=/dev/zero", "of=/dev/null", "bs=512", "count=300")
    wait_for(again.exists, "report")
    told = json.loads(again.read_text())
    assert told["moves"] == 1 and told["forwarded_calls"] >= 600 and told["local_calls"] > 5 and told["seconds_away"] > 0


def test_an_ordinary_users_program_is_moved(quiet):
    nobody = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups")
    program = quiet.start("n1", *nobody, str(quiet.rove), "run", "--", "/usr/bin/python3", "-c", COUNT)
    row = wait_for(lambda: (rows := quiet.json("n1", "ps", "--all")) and "-c" in rows[0]["command"] and rows[0], "row in ps")
    for host in ("n2", "n3", "home", "n3"):
        quiet.run("n1", *nobody, str(quiet.rove), "move", str(row["pid"]), host)
        assert program.stdout.readline() and quiet.json("n1", "ps", "--all")[0]["host"] == ("n1" if host == "home" else host)
    end(quiet, program, row)
    done = quiet.run("n1", *nobody, str(quiet.rove), "run", "--on", "n2", "--", "/usr/bin/id", "-u")
    assert done.stdout == "65534\n" and done.stderr == ""


def test_adopt_takes_descendants_along(quiet):
    program = quiet.start("n1", "sh", "-c", "sleep 1000 & sleep 1001 & echo $$; wait")
    pid = program.stdout.readline().strip()
    assert error_of(quiet, "n1", "move", pid, "n2")[0] == 1
    wait_for(lambda: len(quiet.run("n1", "pgrep", "-x", "sleep", check=False).stdout.split()) == 2, "children")
    quiet.run("n1", "rove", "adopt", pid)
    assert len(quiet.json("n1", "ps")) == 3
    for name in ("sleep", "sh"):
        quiet.run("n1", "pkill", "-x", name, check=False)
    wait_for(lambda: quiet.json("n1", "ps") == [], "empty ps")


def test_events_follow(quiet):
    follower = quiet.start("n1", "rove", "events", "--json", "--since", "1h")
    program, row = counting(quiet)
    seen = []
    while not any(event["event"] == "run" and event["pid"] == row["pid"] for event in seen):
        seen.append(json.loads(follower.stdout.readline()))
    assert all(list(event) == ["time", "node", "event", "pid", "from", "to", "figures"] for event in seen)
    follower.kill()
    follower.wait()
    end(quiet, program, row)


@pytest.mark.parametrize("nonsense", [b"\0" * 100, b"GET " + b"/" * 20000 + b" HTTP/1.1\r\n\r\n",
                                      b"POST /v1/move HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n",
                                      b"POST /v1/move HTTP/1.1\r\nContent-Length: 300\r\n\r\n" + b"[" * 300,
                                      b"POST /v1/move HTTP/1.1\r\nContent-Length: 20\r\n\r\n{\"pid\":{},\"to\":1234}",
                                      b"BREW /v1/ps HTTP/1.1\r\n\r\n"],
                         ids=["zeros", "long path", "long body", "deep", "wrong types", "wrong verb"])
def test_nonsense_is_refused_and_the_daemon_lives(quiet, nonsense):
    code = f"import socket;s=socket.socket(socket.AF_UNIX);s.connect('/run/rove/control.sock');s.sendall({nonsense!r});" \
           "s.shutdown(1);s.settimeout(10);print(s.recv(100).decode())"
    answer = quiet.run("n1", "python3", "-c", code).stdout
    assert answer == "\n" or answer.startswith("HTTP/1.1 4")
    assert len(quiet.json("n1", "nodes")) == 3


def test_noise_on_the_peer_port_is_harmless(quiet):
    address = quiet.address("n2")
    code = f"import socket;s=socket.create_connection(('{address}',7946));s.sendall(b'GET / HTTP/1.1\\r\\n\\r\\n'*100);" \
           "s.settimeout(10);print(len(s.recv(1000)))"
    quiet.run("n1", "python3", "-c", code)
    assert states(quiet, "n1")["n2"] == "up"


@pytest.mark.parametrize("line, says", [("guests.maxx = 1", "no key 'guests.maxx'"), ("x = [", "rove.toml:1:"),
                                        ("guests.max = -1", "between")])
def test_a_wrong_configuration_is_told_with_its_place(rove, tmp_path, line, says):
    path = tmp_path / "rove.toml"
    path.write_text(line + "\n")
    done = subprocess.run([rove.with_name("roved"), "--config", path], capture_output=True, text=True, timeout=10)
    assert done.returncode == 1 and says in done.stderr and "rove.toml:1:" in done.stderr
