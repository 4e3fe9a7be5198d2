# SPDX-License-Identifier: Apache-2.0
"""What a user who wishes the daemon ill can ask of it, and what becomes of that: nothing that others notice."""
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

import pytest

from conftest import wait_for

# The control API by hand. nobody() makes an ordinary user of this process.
BY_HAND = """
import json, os, re, signal, socket, struct, sys
def connect():
    one = socket.socket(socket.AF_UNIX)
    one.settimeout(30)
    one.connect("/run/rove/control.sock")
    return one
def ask(one, method, path, **body):
    text = json.dumps(body) if body else ""
    one.sendall(f"{method} {path} HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: {len(text)}\\r\\n\\r\\n{text}".encode())
    got = b""
    while b"\\r\\n\\r\\n" not in got:
        more = one.recv(65536)
        if not more: return 0, None
        got += more
    head, rest = got.split(b"\\r\\n\\r\\n", 1)
    length = int(re.search(rb"content-length: (\\d+)", head, re.I)[1])
    while len(rest) < length: rest += one.recv(65536)
    return int(head.split()[1]), json.loads(rest)
def nobody(uid=65534):
    os.setgroups([])
    os.setresgid(65534, 65534, 65534)
    os.setresuid(uid, uid, uid)
def say(what):
    print(json.dumps(what), flush=True)
"""
NOBODY = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups")


@pytest.fixture
def lab(new_lab):
    return new_lab("--nodes", "1", "--cpus", "0", "--mem", "0")


@pytest.fixture
def open_directory():
    """One that every user may look into."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="rove-users-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


def by_hand(lab, code, *words, **options):
    return lab.start("n1", sys.executable, "-c", BY_HAND + code, *words, **options)


def said(program):
    line = program.stdout.readline()
    assert line, f"it ended with {program.wait(timeout=20)}"
    return json.loads(line)


def stop(lab, program, pid):
    lab.run("n1", "kill", "-9", str(pid))
    program.wait(timeout=20)


def row_of(lab, command):
    return wait_for(lambda: next((row for row in lab.json("n1", "ps", "--all") if command in row["command"]), None), f"{command} in ps")


# --- adopt


def test_a_zombie_is_not_adopted(lab):
    program = by_hand(lab, "if os.fork() == 0: os._exit(0)\nsay(os.getpid())\nsignal.pause()\n")
    pid = said(program)
    assert lab.json("n1", "adopt", pid)["pids"] == [pid]
    assert lab.json("n1", "ps")[0]["pid"] == pid
    stop(lab, program, pid)


OF_TWO_USERS = """
child = os.fork()
if child == 0:
    nobody(1)
    signal.pause()
nobody()
own = os.fork()
if own == 0: signal.pause()
say([os.getpid(), own, child])
signal.pause()
"""


def test_descendants_of_other_users_are_left_alone(lab):
    program = by_hand(lab, OF_TWO_USERS)
    pid, own, others = said(program)
    taken = json.loads(lab.run("n1", *NOBODY, lab.rove, "adopt", pid, "--json").stdout)["pids"]
    assert taken == sorted((pid, own))
    for each in (own, others):
        lab.run("n1", "kill", "-9", str(each))
    stop(lab, program, pid)


# --- who asks

INHERITED = """
nobody()
one = connect()
if os.fork() == 0:
    gone = os.getppid()
    sys.stdin.readline()
    say(ask(one, "POST", "/v1/run", command=["x"]))
    say(ask(one, "POST", "/v1/debug", pid=os.getpid()))
    os._exit(0)
if len(sys.argv) > 1: os.execv(sys.argv[1], [sys.argv[1], "1000"])
os._exit(0)
"""


def test_a_connection_is_not_the_process_that_made_it(lab, open_directory):
    other = open_directory / "sleep"  # a program that has more rights than who executes it
    shutil.copy("/bin/sleep", other)
    other.chmod(0o4755)
    for words, sentence in (((), "has ended"), ((other,), "rights of another user")):
        program = by_hand(lab, INHERITED, *words, stdin=subprocess.PIPE)
        if words:
            wait_for(lambda: lab.run("n1", "pgrep", "-u", "root", "-f", f"^{other} 1000", check=False).stdout, "the program")
        else:
            wait_for(lambda: program.poll() is not None, "end of the one that connected")
        program.stdin.write("\n")
        program.stdin.flush()
        for _ in ("run", "debug"):
            status, answer = said(program)
            assert status == 422 and sentence in answer["error"]
        assert lab.json("n1", "ps", "--all") == []
        lab.run("n1", "pkill", "-f", f"^{other} 1000", check=False)
        program.wait(timeout=20)


# --- reports


def test_a_report_holds_nobody_up(lab, open_directory):
    fifo = open_directory / "fifo"
    lab.run("n1", "sh", "-c", f"mkfifo -m 666 {fifo}; chown 65534 {fifo}")
    open_directory.chmod(0o555)  # nothing can be renamed there
    lab.run("n1", *NOBODY, lab.rove, "run", "--report", fifo, "--", "true")
    wait_for(lambda: "no report of" in lab.do("log", "n1").stdout, "word of it in the log")
    assert lab.json("n1", "ps", "--all") == []
    for wrong in ("a\0b", "/" + "x" * 100000, "/tmp"):
        program = by_hand(lab, f"say(ask(connect(), 'POST', '/v1/run', report={'/' + wrong!r}))\n")
        status, answer = said(program)
        assert status == 422 and "report" in answer["error"]
        program.wait(timeout=20)


def test_a_report_goes_where_the_shell_would_send_it(lab, open_directory):
    done = lab.run("n1", *NOBODY, lab.rove, "run", "--report", "/dev/stdout", "--", "sh", "-c", "echo done; exit 3", check=False)
    lines = done.stdout.splitlines()
    assert done.returncode == 3 and lines[0] == "done" and json.loads(lines[1])["exit_status"] == 3
    done = lab.run("n1", "bash", "-c", f"{lab.rove} run --report >(cat) -- sh -c 'exit 4'; wait $!", check=False)
    assert json.loads(done.stdout)["exit_status"] == 4
    refused = lab.run("n1", "sh", "-c", f"{lab.rove} run --report /dev/stdin -- true < /dev/null", check=False)
    assert refused.returncode == 125 and "not open for writing" in refused.stderr


# --- programs in programs


def test_programs_in_programs_are_beside_each_other(lab, open_directory):
    rove = lab.rove
    for command in ((rove, "run", "--", rove, "run", "--", rove, "run", "--", "cat", "/proc/self/cgroup"),
                    (rove, "run", "--", "sh", "-c", f"{rove} run -- sh -c '{rove} run -- cat /proc/self/cgroup; true'; true")):
        groups = lab.run("n1", *NOBODY, *command).stdout.splitlines()
        assert max(line.count("rove-program-") for line in groups) == 1
    # The outer one's report tells of all, and comes when all have ended.
    report = open_directory / "report"
    lab.run("n1", "mkfifo", f"{open_directory}/go")
    program = lab.start("n1", rove, "run", "--report", report, "--", "sh", "-c",
                        f"{rove} run --report {report}.inner -- sh -c 'cat {open_directory}/go; exit 5' & exit 3")
    row_of(lab, "cat")
    assert program.wait(timeout=20) == 3
    assert not report.exists()
    lab.run("n1", "sh", "-c", f"echo > {open_directory}/go")
    wait_for(report.exists, "report")
    outer, inner = json.loads(report.read_text()), json.loads(pathlib.Path(f"{report}.inner").read_text())
    assert outer["exit_status"] == 3 and inner["exit_status"] == 5
    assert outer["seconds_home"] >= inner["seconds_home"] > 0
    # Two of one process, too.
    lab.run("n1", rove, "run", "--report", f"{report}.a", "--", rove, "run", "--report", f"{report}.b", "--", "true")
    for name in "ab":
        wait_for(pathlib.Path(f"{report}.{name}").exists, "report")
    # What holds for the outer one holds for the inner one.
    assert lab.run("n1", rove, "run", "--report", f"{report}.c", "--", rove, "run", "--", "sh", "-c", "exit 6", check=False).returncode == 6
    wait_for(pathlib.Path(f"{report}.c").exists, "report")
    assert json.loads(pathlib.Path(f"{report}.c").read_text())["exit_status"] == 6


def test_a_storm_goes_on_in_a_program_inside(new_lab):
    lab = new_lab("--nodes", "2", "--cpus", "0", "--mem", "0")
    program = lab.start("n1", "rove", "run", "--storm", "20", "--", "sh", "-c",
                        f"{lab.rove} run -- sh -c 'while :; do :; done'; true")
    row = row_of(lab, "while")
    wait_for(lambda: next(each for each in lab.json("n1", "ps") if each["pid"] == row["pid"])["moves"] > 3, "moves")
    stop(lab, program, row["pid"])


def test_one_user_has_so_many_programs_and_no_more(lab):
    path = pathlib.Path(f"/run/rove-lab/{lab.name}/n1/rove.toml")
    path.write_text("run.programs = 3\n" + path.read_text())
    lab.do("daemon", "n1", "stop")
    lab.do("daemon", "n1", "start")
    several = [lab.start("n1", *NOBODY, lab.rove, "run", "--", "sleep", "1009") for _ in range(3)]
    wait_for(lambda: [row["command"] for row in lab.json("n1", "ps", "--all")] == ["sleep 1009"] * 3, "three programs")
    refused = lab.run("n1", *NOBODY, lab.rove, "run", "--", "true", check=False)
    assert refused.returncode == 125 and "run.programs" in refused.stderr
    assert lab.run("n1", lab.rove, "run", "--", "true", check=False).returncode == 0
    # One that is a program already needs no more.
    lab.run("n1", "pkill", "-o", "-x", "sleep")
    wait_for(lambda: len(lab.json("n1", "ps", "--all")) == 2, "the end of one")
    again = wait_for(lambda: (done := lab.run("n1", *NOBODY, lab.rove, "run", "--", lab.rove, "run", "--", "echo", "well", check=False)).returncode == 0 and done, "room")
    assert again.stdout == "well\n"
    lab.run("n1", "pkill", "-x", "sleep")
    for each in several:
        each.wait(timeout=20)


def test_a_list_of_programs_that_cannot_be_read_is_kept(lab):
    lab.do("daemon", "n1", "stop")
    lab.run("n1", "sh", "-c", "echo nonsense > /run/rove/programs.json")
    lab.do("daemon", "n1", "start")
    wait_for(lambda: "is kept as" in lab.do("log", "n1").stdout, "word of it in the log")
    assert lab.run("n1", "cat", "/run/rove/programs.json.unread").stdout == "nonsense\n"


# --- much of the same

MANY_DEBUGGERS = """
pid = int(sys.argv[1])
one = connect()
say([ask(one, "POST", "/v1/debug", pid=pid)[0] for _ in range(20)])
others, children = [], []
for _ in range(8):
    to_parent, from_child = os.pipe()
    children.append(os.fork())
    if children[-1] == 0:
        os.write(from_child, json.dumps(ask(connect(), "POST", "/v1/debug", pid=pid)).encode())
        signal.pause()
    others.append(json.loads(os.read(to_parent, 65536)))
say(others)
sys.stdin.readline()
for child in children: os.kill(child, 9)
"""


def test_a_process_has_so_many_debuggers_and_no_more(lab):
    program = lab.start("n1", "rove", "run", "--", "sleep", "1010")
    pid = row_of(lab, "sleep 1010")["pid"]
    debuggers = by_hand(lab, MANY_DEBUGGERS, str(pid), stdin=subprocess.PIPE)
    assert said(debuggers) == [200] * 20
    others = said(debuggers)
    assert [status for status, _ in others] == [200] * 7 + [422] and "debuggers" in others[-1][1]["error"]
    assert lab.json("n1", "ps")[0]["reason"] == "debugged"
    debuggers.stdin.close()
    debuggers.wait(timeout=20)
    wait_for(lambda: lab.json("n1", "ps")[0]["reason"] is None, "their end")
    stop(lab, program, pid)


MANY_MOVES = """
pid = int(sys.argv[1])
one = connect()
for i in range(1000):
    assert ask(one, "POST", "/v1/move", pid=pid, to=f"n{2 + i % 2}", wait=False)[0] == 200
say(ask(one, "POST", "/v1/move", pid=pid, to="home", wait=False))
"""


def test_of_moves_that_nobody_waits_for_the_latest_counts(new_lab):
    lab = new_lab("--nodes", "3", "--cpus", "0", "--mem", "0")
    program = lab.start("n1", "rove", "run", "--", "sleep", "1011")
    pid = row_of(lab, "sleep 1011")["pid"]
    asker = by_hand(lab, MANY_MOVES, str(pid))
    assert said(asker)[0] == 200
    asker.wait(timeout=20)
    # One may be under way, and one is wished.
    before = lab.json("n1", "ps")[0]["moves"]
    lab.run("n1", "rove", "move", pid, "home")
    row = lab.json("n1", "ps")[0]
    assert row["host"] == "n1" and row["moves"] <= before + 2
    stop(lab, program, pid)


FOLLOWER = """
one = connect()
one.sendall(b"GET /v1/events HTTP/1.1\\r\\nHost: x\\r\\nConnection: Upgrade\\r\\nUpgrade: websocket\\r\\n"
            b"Sec-WebSocket-Version: 13\\r\\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\\r\\n\\r\\n")
while b"\\r\\n\\r\\n" not in one.recv(4096): pass
one.sendall(b"\\x81\\xff" + struct.pack(">Q", 8 << 20) + b"mask" + b"x" * 8192)  # the beginning of much
say(one.recv(4096)[2:4].hex())
"""


def test_a_follower_has_little_to_say(lab):
    follower = by_hand(lab, FOLLOWER)
    assert said(follower) == "03f1"  # 1009: too big
    follower.wait(timeout=20)


def test_what_the_machine_allows_is_told_to_everybody(lab):
    rows = lab.json("n1", "check")
    told = json.loads(lab.run("n1", *NOBODY, lab.rove, "check", "--json", check=False).stdout)
    assert told == rows and len(rows) > 10


@pytest.mark.parametrize("home", ["home", "best", "a b"])
def test_a_pid_of_no_home_is_no_process(lab, home):
    for verb in (("move", f"{home}:77", "n1"), ("stay", f"{home}:77"), ("roam", f"{home}:77"), ("explain", f"{home}:77"),
                 ("trace", f"{home}:77"), ("adopt", f"{home}:77"), ("debug", f"{home}:77", "--", "true")):
        done = lab.run("n1", "rove", *verb, check=False)
        assert done.returncode in (2, 4) if home == "a b" else done.returncode == 4, (verb, done)
        assert home == "a b" or f"{home}:77" in done.stderr, (verb, done)
