# SPDX-License-Identifier: Apache-2.0
"""Mailboxes: addresses that follow a process; messages in order, exactly once, whoever moves, ends or forks."""
import os
import signal
import subprocess
import time

import pytest

import mailboxes
from conftest import LIMIT_S, wait_for
from mailboxes import binaries, start  # noqa: F401 (fixtures)

WINDOW = 4 << 20  # bytes that a receiver may leave unread


PLACES = pytest.mark.parametrize("where", [("n1", "n1"), ("n1", "n2")], ids=["one home", "two homes"])


@PLACES
def test_messages_of_all_lengths_arrive_in_order(start, where):
    a, b = (start(node) for node in where)
    for length, character in ((0, "-"), (1, "a"), (100000, "b"), (0, "-"), (5, "c")):
        assert a.send(b, length, character) == "ok"
    for length, character in (("0", "-"), ("1", "a"), ("100000", "b"), ("0", "-"), ("5", "c")):
        assert b.receive() == (length, character)
        assert b.last_sender == a.address
    assert b.receive(0) == "EAGAIN"
    # Longer than what may lie unread: alone, and while the other side reads.
    b.tell("receive 20000")
    assert a.send(b, 6 << 20, "d") == "ok"
    assert b.hear().split()[:2] == [str(6 << 20), "d"]
    assert b.send(a, 3, "e") == "ok"
    assert a.receive() == ("3", "e")
    assert a.ask("flush", b.address, 20000) == "ok"


def test_a_mailbox_sends_to_itself(start):
    a = start("n1")
    assert a.send(a, 7, "s") == "ok"
    assert a.receive() == ("7", "s")
    assert a.last_sender == a.address


def test_receiving_out_of_order(start):
    a, b, c = start("n1"), start("n2"), start("n1")
    for sender, length, character in ((a, 1, "a"), (b, 20, "b"), (a, 300, "c"), (b, 4, "d")):
        assert sender.send(c, length, character) == "ok"
        assert sender.ask("flush", c.address, 0) in ("ok", "EAGAIN")
    assert wait_for(lambda: c.ask("peek 1000", b.address).startswith("20 b"), "peek")
    assert c.receive(20000, "any", 100, 1000) == ("300", "c")  # by length
    assert c.receive(20000, b.address) == ("20", "b")  # by sender
    assert c.receive(20000, "any", 0, 0, "ddd") == ("4", "d")  # by pattern
    assert c.receive(0, "any", 0, 0, "zzz") == "EAGAIN"
    assert c.receive() == ("1", "a")
    assert c.receive(0) == "EAGAIN"


@PLACES
def test_back_pressure(start, where):
    a, b = (start(node) for node in where)
    assert a.send(b, 1) == "ok"
    sent = 1
    while (said := a.send(b, 100000, "p", 0)) == "ok":
        sent += 1
    assert said == "EAGAIN"
    assert WINDOW // 100000 - 1 <= sent <= WINDOW // 100000 + 1
    a.tell("send", b.address, 100000, "q", 20000)
    for _ in range(sent):
        assert b.receive()[1] in "xp"
    assert a.hear() == "ok"
    assert b.receive() == ("100000", "q")


def test_poll_and_notification(start):
    a, b = start("n1"), start("n2")
    assert b.ask("poll 0") == "idle"
    b.tell("poll 20000")
    assert a.send(b) == "ok"
    assert b.hear() == "ready"
    wait_for(lambda: b.receive(100) == ("1", "x"), "message")
    wait_for(lambda: b.ask("poll 100") == "idle" or b.receive(0) != "EAGAIN", "end of readiness")
    # A letter that was looked at is still there for poll.
    assert a.send(b) == "ok"
    assert b.ask("peek 20000").startswith("1 x")
    assert b.ask("poll 0") == "ready"
    assert b.ask("notify") == "ok"
    before = int(b.ask("signals"))
    assert a.send(b) == "ok"
    wait_for(lambda: int(b.ask("signals")) > before, "signal")


@PLACES
def test_who_talked_with_one_that_ends_is_told(start, where):
    a, b = (start(node) for node in where)
    assert a.send(b) == "ok"
    assert b.receive() == ("1", "x")
    assert b.send(a, 2, "y") == "ok"
    assert b.send(a, 3, "z") == "ok"
    b.kill()
    assert a.receive() == ("2", "y")  # what it sent before its end arrives
    assert a.receive() == ("3", "z")
    assert a.receive()[0] == "gone"
    assert a.last_sender == b.address
    assert a.send(b) == "ESRCH"
    c = start(where[1])
    assert a.send(c) == "ok"
    assert c.receive() == ("1", "x")
    assert c.ask("close") == "ok"
    assert a.receive() == ("gone", "0")
    assert a.send(c) == "ESRCH"


def test_what_was_not_taken_is_told(start):
    a, b = start("n1"), start("n2")
    assert a.send(b) == "ok"
    assert b.receive() == ("1", "x")
    os_pid = b.pid
    b.lab.run("n2", "kill", "-STOP", os_pid)
    for _ in range(5):
        assert a.send(b) == "ok"
    b.kill()
    kind, undelivered = a.receive()
    assert kind == "gone" and 5 <= int(undelivered) <= 6


def test_fork_and_exec(start):
    a, b = start("n1"), start("n1")
    assert a.send(b) == "ok"
    assert b.receive() == ("1", "x")
    said, childs = b.ask("fork").split()
    assert said == "ECHILD" and childs != b.address
    assert a.send(b, 2, "f") == "ok"  # the parent's mailbox is as it was
    assert b.receive() == ("2", "f")
    old = b.address
    b.tell("exec")
    b.address = b.hear()
    assert b.address != old and b.address.split(":")[1] == old.split(":")[1]
    assert a.receive()[0] == "gone"
    assert a.send(old) == "ESRCH"
    assert a.send(b, 3, "g") == "ok"
    assert b.receive() == ("3", "g")


def test_finding_and_forging(start):
    a, b = start("n1"), start("n2")
    assert a.ask("find n2", b.pid) == b.address
    assert b.ask("find n1", a.pid) == a.address
    assert a.ask("find -", a.pid) == a.address
    assert a.ask("find n2", 1) == "ESRCH"
    assert a.ask("find n9", 1) == "ESRCH"
    home, pid, incarnation = b.address.split(":")
    assert a.send(f"{home}:{pid}:{int(incarnation, 16) ^ 1:016x}") == "ESRCH"
    assert a.send(f"{home}:{int(pid) + 1}:{incarnation}") == "ESRCH"
    assert a.send(f"n1:{pid}:{incarnation}") == "ESRCH"
    assert b.receive(0) == "EAGAIN"


# Says that it is another process's mailbox, sends nonsense, and a line that nobody has asked for.
FORGER = """
import glob, os, socket, struct, sys
incarnation = int(sys.argv[1], 16)
def packet(kind, body): return struct.pack('<HHI', 1, kind, 0) + body
def heard(said):
    one = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    one.settimeout(10)
    one.connect('/run/rove/mail.sock')
    one.send(said)
    try: got = one.recv(4096)
    except ConnectionError: got = b''
    return struct.unpack('<HHIi', got[:12])[1:4:2] if got else 'closed'
print(heard(packet(1, struct.pack('<Q', incarnation))))
print(heard(packet(4, b'')))
print(heard(b'nonsense'))
print(heard(struct.pack('<HHIQ', 9, 1, 0, 0)))
"""


def test_a_forged_claim_gets_nothing(start, quiet):
    a, b = start("n1"), start("n1")
    assert a.send(b) == "ok"
    said = quiet.run("n1", "python3", "-c", FORGER, b.address.split(":")[2]).stdout.splitlines()
    assert said == ["(3, 116)", "closed", "closed", "closed"]  # denied: ESTALE
    assert b.receive() == ("1", "x")


# What is said to the daemon by hand.
BY_HAND = """
import os, socket, struct, sys, time
def packet(kind, body): return struct.pack('<HHI', 1, kind, 0) + body
def find(number, pid): return packet(7, struct.pack('<II2si', number, 2, b'n1', pid))
def open_mailbox():
    one = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    one.settimeout(10)
    one.connect('/run/rove/mail.sock')
    one.send(packet(1, struct.pack('<Q', 0)))
    one.recv(4096)
    return one
"""

# Asks, and never listens.
DEAF = BY_HAND + """
one = open_mailbox()
try:
    for number in range(20000): one.send(find(number, 1))
    print('heard to the end')
except ConnectionError: print('closed')
"""


def test_who_asks_and_never_listens_is_not_heard_for_ever(quiet):
    assert quiet.run("n1", "python3", "-c", DEAF).stdout == "closed\n"


# A mailbox of nobody's, whose process ends while a child has its socket; root gets its PID.
HEIR = BY_HAND + """
ready, go = os.pipe(), os.pipe()
first = os.fork()
if first == 0:
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)
    one = open_mailbox()
    if os.fork() == 0:
        os.write(ready[1], b'x')
        os.read(go[0], 1)
        one.send(find(1, int(sys.argv[1])))
        print(struct.unpack('<i', one.recv(4096)[12:16])[0], flush=True)
        os.write(ready[1], b'x')
    os._exit(0)
os.read(ready[0], 1)
began = int(open(f'/proc/{first}/stat').read().rsplit(')', 1)[1].split()[19])  # in ticks: whoever began in the same one is the same
os.waitpid(first, 0)
while time.clock_gettime(time.CLOCK_BOOTTIME) * os.sysconf('SC_CLK_TCK') < began + 2: pass
open('/proc/sys/kernel/ns_last_pid', 'w').write(str(first - 1))
second = os.fork()
if second == 0: os.read(ready[0], 1), os._exit(0)
if second != first: print('another PID', flush=True)
os.write(go[1], b'x')
os.waitpid(second, 0)
"""


def test_a_socket_that_was_inherited_has_no_rights_of_whoever_got_the_pid(start, quiet):
    root = start("n1")
    assert quiet.run("n1", "python3", "-c", HEIR, root.pid).stdout == "3\n"  # ESRCH: it may not be sent to


# Connects to where lines come in, with a token of its own making.
INTRUDER = """
import socket, sys
for port in sys.argv[2:]:
    with socket.create_connection((sys.argv[1], int(port)), timeout=10) as one:
        one.sendall(b't' * 32 + b'hello')
        try: print(len(one.recv(1)))
        except ConnectionError: print(0)
"""


def test_a_line_without_its_token_is_closed(start, quiet):
    a, b = start("n1"), start("n2")
    assert a.send(b) == "ok"
    listening = quiet.run("n2", "ss", "-Htlnp").stdout.splitlines()
    ports = {line.split()[3].rsplit(":", 1)[1] for line in listening if "roved" in line}
    gossip = {"7946"}
    said = quiet.run("n1", "python3", "-c", INTRUDER, quiet.address("n2"), *sorted(ports - gossip)).stdout.split()
    assert said and set(said) == {"0"}
    assert b.receive() == ("1", "x")


NOBODY = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups")


@PLACES
def test_permission_is_that_of_signals(start, where):
    root, nobody = start(where[0]), start(where[1], *NOBODY)
    same = start(where[0], *NOBODY)
    assert nobody.send(root) == "EPERM"
    assert nobody.ask("find", root.address.split(":")[0], root.pid) == "ESRCH"
    assert root.send(nobody) == "ok"
    assert nobody.receive() == ("1", "x")
    assert nobody.send(root) == "EPERM"  # also on the line that root has made
    assert nobody.send(same) == "ok"
    assert same.receive() == ("1", "x")
    assert root.receive(0) == "EAGAIN"


def test_without_a_daemon(unmade_lab, binaries):
    lab = unmade_lab({"ROVE_LAB_NO_DAEMON": "1"})
    lab.up("--nodes", "1", "--cpus", "0", "--mem", "0")
    done = lab.run("n1", binaries["one"], check=False, input="")
    assert done.stdout == "EHOSTDOWN\n" and done.returncode == 1


def test_the_daemon_is_restarted(new_lab, binaries):
    lab = new_lab("--nodes", "2", "--cpus", "0", "--mem", "0")
    a, b, c = (mailboxes.One(lab, node, binaries["one"]) for node in ("n1", "n2", "n1"))
    assert a.send(b) == "ok"
    assert b.receive() == ("1", "x")
    for node in ("n1", "n2"):
        lab.do("daemon", node, "kill")
    assert a.send(b, 2, "y") == "ok"  # the line goes on without daemons
    assert b.receive() == ("2", "y")
    for node in ("n1", "n2"):
        lab.do("daemon", node, "start")
    assert a.send(c, 3, "z") == "ok"
    assert c.receive() == ("3", "z")
    assert c.send(b, 4, "w") == "ok"
    assert b.receive() == ("4", "w")
    b.kill()
    assert a.receive()[0] == "gone"
    assert c.receive()[0] == "gone"


def test_a_home_that_is_lost(new_lab, binaries):
    lab = new_lab("--nodes", "3", "--cpus", "0", "--mem", "0")
    a, b = (mailboxes.One(lab, node, binaries["one"]) for node in ("n1", "n2"))
    assert a.send(b) == "ok"
    assert b.receive() == ("1", "x")
    lab.do("kill", "n2")
    assert a.receive(40000)[0] == "gone"
    assert a.send(b) == "ESRCH"


def test_a_home_whose_daemon_is_taken_for_dead_is_waited_for(new_lab, binaries):
    lab = new_lab("--nodes", "2", "--cpus", "0", "--mem", "0")
    a, b, c = (mailboxes.One(lab, node, binaries["one"]) for node in ("n1", "n2", "n1"))
    assert a.send(b) == "ok"
    assert b.receive() == ("1", "x")
    lab.do("daemon", "n2", "kill")
    wait_for(lambda: [row["state"] for row in lab.json("n1", "nodes") if row["name"] == "n2"] == ["dead"], "n2 to be taken for dead")
    # Who has a line goes on; who has none may try again.
    assert a.send(b, 2) == "ok"
    assert b.receive() == ("2", "x")
    assert c.send(b, 3, "y", 4000) == "EAGAIN"
    lab.do("daemon", "n2", "start")
    assert c.send(b, 3, "y", 40000) == "ok"
    assert b.receive() == ("3", "y")
    assert a.send(b) == "ok"


@PLACES
def test_both_ends_move(start, quiet, where):
    a, b = (start(node, "rove", "run", "--stay", "--") for node in where)
    # At first each waits in a call while it is moved.
    for number, (of_a, of_b) in enumerate((("n2", "n3"), ("n3", "n1"), ("n1", "n1"), ("n3", "n3"), ("home", "n2"), ("home", "home"))):
        b.tell("receive 30000")
        quiet.run(a.node, "rove", "move", a.pid, of_a)
        quiet.run(b.node, "rove", "move", b.pid, of_b)
        assert a.send(b, 1000 + number, "m") == "ok"
        assert b.hear().split()[:2] == [str(1000 + number), "m"]
        for length in (0, 70000):
            assert b.send(a, length, "n") == "ok"
        quiet.run(a.node, "rove", "move", a.pid, of_b)
        assert a.receive()[0] == "0"
        assert a.receive() == ("70000", "n")


STORM_MESSAGES = int(os.environ.get("ROVE_MAILBOX_MESSAGES", "300"))  # that each sends; 90000 make a million


@pytest.mark.parametrize("crowd", [2, 12])
def test_a_storm(quiet, binaries, tmp_path, crowd):
    members = []
    for number in range(crowd):
        node = f"n{number % 3 + 1}"
        leaves = 1 if number % 4 == 3 else 0
        members.append(quiet.start(node, "rove", "run", "--storm", 400, "--seed", number, "--", binaries["crowd"],
                                   tmp_path, number, crowd, STORM_MESSAGES, 20000, 7, leaves))
    said = [member.communicate(timeout=LIMIT_S + STORM_MESSAGES)[0].strip() for member in members]
    assert all(line.startswith("ok ") for line in said), said
