# SPDX-License-Identifier: Apache-2.0
"""The lab itself: what a node is, what is refused, and nodes with daemons.

Most of these nodes have no daemon (ROVE_LAB_NO_DAEMON): what a lab is does not depend on what runs in it.
"""
import json
import os
import pathlib
import re
import socket
import subprocess
import sys

import pytest

from conftest import BARE, LIMIT_S, wait_for
from talking import end


# What a node is


def test_status_has_the_fields_of_the_contract(bare):
    rows = json.loads(bare.do("status", "--json").stdout)
    assert [row["name"] for row in rows] == ["n1", "n2", "n3"]
    assert [row["cpus"] for row in rows] == [0.5, 0.25, 0.5]
    assert [row["memory_bytes"] for row in rows] == [2**30, 2**28, 2**30]
    for row in rows:
        socket.inet_aton(row["address"])
        assert row["state"] == "daemon-down"


def test_namespaces_are_the_nodes_own(bare):
    kinds = ("net", "pid", "mnt", "uts", "ipc", "cgroup")
    seen = {kind: {os.readlink(f"/proc/self/ns/{kind}")} for kind in kinds}
    for node in ("n1", "n2", "n3"):
        for kind in kinds:
            seen[kind].add(bare.run(node, "readlink", f"/proc/self/ns/{kind}").stdout)
    assert all(len(found) == 4 for found in seen.values()), seen
    assert bare.run("n3", "uname", "-n").stdout == "n3\n"


def test_init_is_not_the_daemon_and_adopts_orphans(bare):
    init = bare.run("n1", "cat", "/proc/1/comm").stdout
    assert init == "rove-lab-init\n"
    orphan = bare.start("n1", "sh", "-c", "(sleep 300 & echo $!)")
    pid = int(orphan.stdout.readline())
    assert orphan.wait(LIMIT_S) == 0
    parent = bare.run("n1", "sh", "-c", f"grep PPid /proc/{pid}/status").stdout
    assert parent.split() == ["PPid:", "1"]
    bare.run("n1", "kill", "-9", str(pid))
    wait_for(lambda: bare.run("n1", "test", "-e", f"/proc/{pid}", check=False).returncode,
             "end of the orphan")


def test_file_system_is_the_machines_but_for_three_places(bare, tmp_path):
    (tmp_path / "x").write_text("seen")
    assert bare.run("n1", "cat", str(tmp_path / "x")).stdout == "seen"
    bare.run("n1", "sh", "-c", "echo mine > /run/rove/x")
    assert bare.run("n2", "ls", "/run/rove").stdout.find("x") < 0
    assert not os.path.exists("/run/rove/x")
    assert bare.run("n1", "ls", "/sys/class/net").stdout.split() == ["eth0", "lo"]
    shown = bare.run("n1", "sh", "-c", "ls -d /proc/[0-9]*").stdout.split()
    assert len(shown) < 10


def test_limits_show_as_a_machines_own(bare):
    script = """
      v1=/sys/fs/cgroup/cpu/cpu.cfs_quota_us
      if [ -e $v1 ]; then cat $v1 /sys/fs/cgroup/memory/memory.limit_in_bytes
      else cut -d' ' -f1 /sys/fs/cgroup/cpu.max; cat /sys/fs/cgroup/memory.max; fi"""
    assert bare.run("n2", "sh", "-c", script).stdout.split() == ["25000", str(2**28)]


def test_cpu_limit_holds(bare):
    burn = "import time\nend=time.monotonic()+1.0\nwhile time.monotonic()<end: pass\nprint(time.process_time())"
    used = float(bare.run("n2", sys.executable, "-c", burn).stdout)
    assert used < 0.45, "0.25 of a CPU for one second"


def test_memory_limit_holds(bare):
    done = bare.run("n2", sys.executable, "-c", "bytearray(400 << 20)[:: 4096]", check=False)
    assert done.returncode == 137


def test_cpuset_and_clock(bare):
    affinity = bare.run("n2", sys.executable, "-c", "import os; print(os.sched_getaffinity(0))")
    assert affinity.stdout.strip() == "{0}"
    ask = ("python3", "-c", "import time; print(time.clock_gettime(time.CLOCK_BOOTTIME))")
    ahead = float(bare.run("n2", *ask).stdout) - float(bare.run("n1", *ask).stdout)
    assert abs(ahead - 3 * 3600) < 60


def test_rate_holds(bare):
    server = bare.start("n2", sys.executable, "-c", """
import socket, time
server = socket.create_server(("", 5001))
print("listening", flush=True)
peer, _ = server.accept()
peer.recv(1)
begin, total = time.monotonic(), 0
while (got := peer.recv(1 << 20)):
    total += len(got)
print(total * 8 / (time.monotonic() - begin))
""")
    assert server.stdout.readline() == "listening\n"
    bare.run("n1", sys.executable, "-c", f"""
import socket
with socket.create_connection(("{bare.address('n2')}", 5001)) as peer:
    peer.sendall(bytes(8 << 20))
""")
    bits = float(server.stdout.readline())
    assert 40e6 < bits < 115e6
    assert server.wait(LIMIT_S) == 0


def test_swap_is_real_and_the_nodes_own(new_lab):
    before = pathlib.Path("/proc/swaps").read_text()
    lab = new_lab("--nodes", "2", "--node", "n2:mem=64M,swap=128M", env=BARE)
    assert pathlib.Path("/proc/swaps").read_text().count("n2.swap") == 1
    # Twice its memory fits, three times does not.
    touch = "b = bytearray({} << 20)\nfor i in range(0, len(b), 4096): b[i] = 1"
    assert lab.run("n2", sys.executable, "-c", touch.format(120)).returncode == 0
    assert lab.run("n2", sys.executable, "-c", touch.format(250), check=False).returncode == 137
    lab.down()
    assert pathlib.Path("/proc/swaps").read_text() == before

# What is refused


@pytest.mark.parametrize("words", [["kill", "n9"], ["run", "n9", "true"], ["run", "n1"], ["start", ""],
                                   ["cut", "n1:n9"], ["cut", "n1:n1"], ["cut"], ["heal", "x"],
                                   ["daemon", "n1", "restart"], ["daemon", "n1"], ["log", "n9"],
                                   ["status", "--frob"], ["frob"], ["down", "extra"]])
def test_usage_errors_say_what_is_wrong(bare, words):
    done = bare.do(words[0], *words[1:], check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("options", [["--nodes", "0"], ["--cpus", "x"], ["--mem", "1Q"],
                                     ["--node", "n4:cpus=1"], ["--node", "n1:cpux=1"],
                                     ["--node", "n1:cpuset=9999"], ["--rate", "fast"]])
def test_nonsense_makes_no_lab(unmade_lab, options):
    lab = unmade_lab(BARE)
    done = lab.up(*options, check=False)
    assert done.returncode == 2
    assert lab.do("status", "--json").stdout == "[]\n"


def test_bad_lab_name(rove):
    done = subprocess.run([rove, "lab", "status", "--name", "../etc"], capture_output=True)
    assert done.returncode == 2


def test_more_than_the_machine_has_is_a_warning(new_lab):
    lab = new_lab("--nodes", "1", "--cpus", "1000", "--mem", "1000T", env=BARE)
    assert lab.status()["n1"]["cpus"] == 1000


def test_a_name_is_taken_once(bare):
    done = bare.up(check=False)
    assert done.returncode == 1
    assert "down" in done.stderr
    assert bare.status()["n1"]["state"] == "daemon-down"


def test_down_without_a_lab(unmade_lab):
    lab = unmade_lab()
    assert lab.down().returncode == 0

# With daemons


def test_up_returns_when_all_agree(lab):
    for node in ("n1", "n2", "n3"):
        states = {row["name"]: row["state"] for row in lab.json(node, "nodes")}
        assert states == {"n1": "up", "n2": "up", "n3": "up"}
    assert {row["state"] for row in lab.status().values()} == {"up"}
    assert lab.run("n1", "sh", "-c", "tr '\\0' ' ' < /proc/1/cmdline").stdout.find("roved") < 0


def test_daemon_acts_on_roved_alone(lab):
    process = lab.start("n2", "sh", "-c", "echo begun; exec sleep 300")
    assert process.stdout.readline() == "begun\n"
    for act in ("stop", "kill"):
        lab.do("daemon", "n2", act)
        assert lab.status()["n2"]["state"] == "daemon-down"
        lab.do("daemon", "n2", act)  # nothing is left to do
        lab.do("daemon", "n2", "start")
        assert lab.status()["n2"]["state"] == "up"
    assert process.poll() is None
    end(process)


def test_killed_node_comes_back_for_all(lab):
    lab.do("kill", "n3")
    wait_for(lambda: any(row["name"] == "n3" and row["state"] == "dead"
                         for row in lab.json("n1", "nodes")), "death of n3")
    lab.do("start", "n3")
    for node in ("n1", "n2", "n3"):
        assert {row["state"] for row in lab.json(node, "nodes")} == {"up"}


def test_log_is_the_daemons(lab):
    assert re.search(r"\S", lab.do("log", "n1").stdout)
    follower = subprocess.Popen(lab.argv("log", "n1", "-f"), env=lab.env, stdout=subprocess.PIPE)
    assert follower.stdout.readline()
    end(follower)
