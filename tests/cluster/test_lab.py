# SPDX-License-Identifier: Apache-2.0
"""The lab itself: nodes, limits, cuts, kills, and that nothing is left of it.

Most of these nodes have no daemon (ROVE_LAB_NO_DAEMON): what a lab is does not depend on what runs
in it.
"""
import fcntl
import glob
import json
import os
import pathlib
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import termios

import pytest

from conftest import LIMIT_S, Lab, wait_for

BARE = {"ROVE_LAB_NO_DAEMON": "1"}

LISTEN = """
import socket, sys
server = socket.create_server(("", 5000))
print("listening", flush=True)
while True:
    peer, _ = server.accept()
    while (got := peer.recv(65536)):
        peer.sendall(got)
    peer.close()
"""
TALK = """
import socket, sys
try:
    with socket.create_connection((sys.argv[1], 5000), timeout=float(sys.argv[2])) as peer:
        peer.sendall(b"x")
        print(peer.recv(1).decode())
except TimeoutError:
    print("silence")
except OSError as error:
    print(type(error).__name__)
"""


@pytest.fixture(scope="module")
def bare(rove):
    lab = Lab(rove, BARE)
    lab.up("--node", "n2:cpus=0.25,mem=256M,rate=100mbit,cpuset=0,clock=+3h")
    yield lab
    lab.down()


def talk(lab, source, target, limit_s=1.0):
    address = lab.address(target)
    return lab.run(source, sys.executable, "-c", TALK, address, limit_s).stdout.strip()


def listen(lab, node):
    process = lab.start(node, sys.executable, "-c", LISTEN)
    assert process.stdout.readline() == "listening\n"
    return process


def end(process):
    process.kill()
    process.wait(LIMIT_S)


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


# lab run


def test_run_passes_everything_on(bare, tmp_path):
    done = subprocess.run(
        bare.argv("run", "n1", "--", "sh", "-c", "pwd; umask; echo $GREETING; cat; echo err >&2"),
        cwd=tmp_path, env=dict(bare.env, GREETING="hello there"), input="from stdin\n",
        capture_output=True, text=True, preexec_fn=lambda: os.umask(0o027), timeout=LIMIT_S)
    assert done.stdout == f"{tmp_path}\n0027\nhello there\nfrom stdin\n"
    assert done.stderr == "err\n"
    assert done.returncode == 0


@pytest.mark.parametrize("script, status", [("exit 0", 0), ("exit 7", 7), ("kill -TERM $$", 143),
                                            ("kill -KILL $$", 137)])
def test_run_has_the_commands_status(bare, script, status):
    done = bare.run("n1", "sh", "-c", script, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (status, "", "")


def test_run_without_dashes_and_options_of_the_command(bare):
    assert bare.do("run", "n1", "echo", "-n", "--name", "x").stdout == "--name x"


def test_run_of_what_is_not_there(bare):
    assert bare.run("n1", "no-such-program", check=False).returncode == 127
    assert bare.run("n1", "/etc/passwd", check=False).returncode == 126


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP", "SIGUSR1"])
def test_signals_reach_the_command(bare, name):
    number = getattr(signal, name)
    process = bare.start("n1", sys.executable, "-u", "-c", f"""
import signal, sys
def got(number, frame):
    print("got", number)
    sys.exit(9)
signal.signal({int(number)}, got)
print("ready")
signal.pause()
""")
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    assert process.stdout.read() == f"got {int(number)}\n"
    assert process.wait(LIMIT_S) == 9


def test_a_command_does_not_outlive_its_run(bare):
    process = bare.start("n1", "sh", "-c", "echo $$; exec sleep 300")
    pid = int(process.stdout.readline())
    end(process)
    wait_for(lambda: bare.run("n1", "test", "-e", f"/proc/{pid}", check=False).returncode,
             "end of the command")


class Screen:
    """A terminal with `rove lab run` on it."""

    def __init__(self, argv, env):
        self.seen = ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execve(argv[0], argv, env)

    def resize(self, rows, columns):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, text):
        os.write(self.fd, text.encode())

    def expect(self, text):
        while text not in self.seen:
            assert select.select([self.fd], [], [], 20)[0], f"no {text!r} in {self.seen!r}"
            self.seen += os.read(self.fd, 4096).decode()
        self.seen = self.seen.split(text, 1)[1]

    def wait(self):
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def test_terminal_has_job_control_and_size(bare):
    screen = Screen(bare.argv("run", "n1", "--", "bash", "--norc", "-i"), dict(bare.env, PS1="% "))
    screen.resize(33, 101)
    screen.type("echo a$((1+1)) $(uname -n)\n")
    screen.expect("a2 n1")
    screen.type("stty size\n")
    screen.expect("33 101")
    screen.type("sh -c 'echo beg''un; exec sleep 300'\n")
    screen.expect("begun")
    screen.type("\x1a")
    screen.expect("Stopped")
    screen.type("kill %1; wait %1; echo b$((1+2))\n")
    screen.expect("b3")
    screen.type("sh -c 'echo ag''ain; exec sleep 300'\n")
    screen.expect("again")
    screen.type("\x03")
    screen.type("echo c$?\n")
    screen.expect("c130")
    screen.type("trap 'stty size' WINCH; echo d$((2+2))\n")
    screen.expect("d4")
    screen.resize(44, 102)
    screen.type("\n")
    screen.expect("44 102")
    screen.type("exit 7\n")
    assert screen.wait() == 7


def test_last_words_on_a_terminal_are_not_lost(bare):
    for _ in range(10):
        screen = Screen(bare.argv("run", "n1", "--", "sh", "-c", "echo the very end"), bare.env)
        screen.expect("the very end")
        assert screen.wait() == 0


# Network


def test_nodes_reach_each_other(bare):
    server = listen(bare, "n2")
    assert talk(bare, "n1", "n2") == "x"
    assert talk(bare, "n3", "n2") == "x"
    end(server)


def test_cut_is_silent_in_both_directions_and_heals(bare):
    servers = [listen(bare, node) for node in ("n1", "n2", "n3")]
    bare.do("cut", "n1:n2")
    assert bare.status()["n1"]["cut_from"] == ["n2"]
    assert [talk(bare, "n1", "n2", 0.5), talk(bare, "n2", "n1", 0.5)] == ["silence", "silence"]
    assert [talk(bare, "n1", "n3"), talk(bare, "n3", "n2")] == ["x", "x"]
    assert bare.run("n1", "cat", "/sys/class/net/eth0/operstate").stdout == "up\n"
    bare.do("heal", "n2:n1")
    assert talk(bare, "n1", "n2") == "x"
    bare.do("cut", "n3")
    assert [talk(bare, "n1", "n3", 0.5), talk(bare, "n3", "n2", 0.5)] == ["silence", "silence"]
    assert talk(bare, "n1", "n2") == "x"
    bare.do("heal")
    assert talk(bare, "n3", "n2") == "x"
    for server in servers:
        end(server)


def test_an_open_connection_survives_a_cut(bare):
    server = listen(bare, "n2")
    client = bare.start("n1", sys.executable, "-u", "-c", f"""
import socket, sys
with socket.create_connection(("{bare.address('n2')}", 5000)) as peer:
    for line in sys.stdin:
        peer.sendall(line.encode())
        if line != "lost\\n":
            print(peer.recv(100).decode(), end="")
""", stdin=subprocess.PIPE)
    client.stdin.write("one\n")
    client.stdin.flush()
    assert client.stdout.readline() == "one\n"
    bare.do("cut", "n1:n2")
    client.stdin.write("two\n")
    client.stdin.flush()
    assert not select.select([client.stdout], [], [], 0.5)[0]
    bare.do("heal", "n1:n2")
    assert client.stdout.readline() == "two\n"
    client.stdin.close()
    assert client.wait(LIMIT_S) == 0
    end(server)


# Power


def test_kill_is_silent_and_start_brings_a_fresh_node(new_lab):
    lab = new_lab("--nodes", "2", env=BARE)
    server = listen(lab, "n2")
    client = lab.start("n1", sys.executable, "-u", "-c", f"""
import socket
with socket.create_connection(("{lab.address('n2')}", 5000)) as peer:
    print("connected")
    peer.settimeout(1.0)
    try:
        print("heard", peer.recv(1))
    except TimeoutError:
        print("silence")
""")
    assert client.stdout.readline() == "connected\n"
    lab.run("n2", "sh", "-c", "mkdir -p /sys/fs/cgroup/*/mine; echo x > /run/rove/x", check=False)
    lab.do("kill", "n2")
    assert client.stdout.readline() == "silence\n", "the dead send neither FIN nor RST"
    assert client.wait(LIMIT_S) == 0
    assert server.wait(LIMIT_S) == 137
    assert lab.status()["n2"]["state"] == "killed"
    assert lab.run("n2", "true", check=False).returncode == 125
    lab.do("kill", "n2")  # is dead already
    lab.do("start", "n2")
    assert lab.status()["n2"]["state"] == "daemon-down"
    assert lab.run("n2", "ls", "/run/rove").stdout == ""
    assert talk(lab, "n1", "n2") == "ConnectionRefusedError"
    server = listen(lab, "n2")
    assert talk(lab, "n1", "n2") == "x"
    end(server)


def test_a_cut_outlasts_a_restart(new_lab):
    lab = new_lab("--nodes", "2", env=BARE)
    lab.do("cut", "n1:n2")
    lab.do("kill", "n2")
    lab.do("start", "n2")
    server = listen(lab, "n2")
    assert talk(lab, "n1", "n2", 0.5) == "silence"
    end(server)


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


# Nothing is left


def census():
    """What a lab might leave behind, counted."""
    namespaces = set()
    for path in glob.glob("/proc/[0-9]*/ns/*"):
        try:
            namespaces.add(os.readlink(path))
        except OSError:
            pass
    roots = ["/run", "/var/lib/rove-lab", "/tmp/rove*", "/dev/mqueue"]
    files = subprocess.run(f"find {' '.join(roots)} -xdev 2>/dev/null | grep -i rove", shell=True,
                           capture_output=True, text=True).stdout
    commands = subprocess.run(["ps", "-eo", "pid,stat,args"], capture_output=True, text=True).stdout
    return {
        "namespaces": namespaces,
        "mounts": pathlib.Path("/proc/self/mountinfo").read_text(),
        "cgroups": sorted(glob.glob("/sys/fs/cgroup/**/", recursive=True)),
        "interfaces": sorted(os.listdir("/sys/class/net")),
        "swaps": [line.split()[0] for line in pathlib.Path("/proc/swaps").read_text().splitlines()],
        "files": files,
        "processes": [line for line in commands.splitlines() if "rove" in line and "lab" in line
                      and "pytest" not in line],
    }


def differences(before, after):
    return {what: (before[what], after[what]) for what in before if before[what] != after[what]}


HARD_TO_END = r"""
exec </dev/null >/dev/null 2>&1
for d in /sys/fs/cgroup /sys/fs/cgroup/freezer; do
    [ -w $d/cgroup.procs ] || continue
    mkdir -p $d/deep/er
    sleep 301 &
    echo $! > $d/deep/er/cgroup.procs
    echo FROZEN > $d/deep/freezer.state || echo 1 > $d/deep/cgroup.freeze
done
sleep 302 & kill -STOP $!
sh -c 'trap "" TERM INT HUP; sleep 303' &
unshare --mount --net --pid --fork --mount-proc sleep 304 &
setsid unshare --user --pid --fork sleep 305 &
until [ $(ps ax | grep -c 'sleep 30[1-5]') -ge 6 ]; do :; done
"""


def test_nothing_is_left(unmade_lab):
    before = census()
    lab = unmade_lab(BARE)
    lab.up("--node", "n3:swap=16M")
    for node in ("n1", "n2", "n3"):
        lab.run(node, "sh", "-c", HARD_TO_END)
    lab.do("cut", "n1:n3")
    lab.do("kill", "n2")
    lab.do("start", "n2")
    lab.do("kill", "n1")
    lab.down()
    assert differences(before, census()) == {}


def test_two_labs_do_not_disturb_each_other(new_lab):
    one, two = new_lab("--nodes", "2", env=BARE), new_lab("--nodes", "2", env=BARE)
    assert one.address("n1") != two.address("n1")
    server = listen(two, "n2")
    assert talk(two, "n1", "n2") == "x"
    one.down()
    assert talk(two, "n1", "n2") == "x"
    assert two.run("n1", "ls", "-d", "/run/rove").stdout == "/run/rove\n"
    end(server)


def test_a_killed_up_can_be_taken_down(unmade_lab):
    before = census()
    for steps in range(1, 6):
        lab = unmade_lab(BARE)
        process = subprocess.Popen(lab.argv("up", "--nodes", "30", "--node", "n1:swap=16M"),
                                   env=lab.env, stdout=subprocess.DEVNULL)
        state = pathlib.Path("/run/rove-lab") / lab.name
        wait_for(lambda: process.poll() is not None or (state / f"n{steps * 4}").exists(),
                 "half-made lab")
        process.kill()
        process.wait(LIMIT_S)
        lab.down()
    assert differences(before, census()) == {}


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_an_interrupted_up_leaves_nothing(unmade_lab, name):
    before = census()
    lab = unmade_lab(BARE)
    process = subprocess.Popen(lab.argv("up", "--nodes", "40"), env=lab.env, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    state = pathlib.Path("/run/rove-lab") / lab.name
    wait_for(lambda: (state / "n3").exists(), "half-made lab")
    process.send_signal(getattr(signal, name))
    _, error = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 1
    assert "interrupted" in error
    assert differences(before, census()) == {}


def test_a_broken_state_file_is_refused_and_taken_down(unmade_lab):
    before = census()
    lab = unmade_lab(BARE)
    lab.up("--nodes", "2")
    pathlib.Path(f"/run/rove-lab/{lab.name}/lab.json").write_text('{"name": [')
    done = lab.do("status", "--json", check=False)
    assert done.returncode == 1
    assert json.loads(done.stderr)["code"] == 1
    lab.down()
    assert differences(before, census()) == {}


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
