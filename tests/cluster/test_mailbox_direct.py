# SPDX-License-Identifier: Apache-2.0
"""Mailboxes whose lines go from host to host: nothing waits for its sender, whoever moves, ends or is lost."""
import json
import threading
import time

import pytest

import mailboxes
from conftest import LIMIT_S, wait_for
from mailboxes import binaries, start  # noqa: F401 (fixtures)

PLACES = pytest.mark.parametrize("where", [("n1", "n1"), ("n1", "n2")], ids=["one home", "two homes"])


def bytes_of(lab, one):
    """What has gone over ends of its own since it left home; 0 if it is there."""
    rows = json.loads(lab.run(one.node, "rove", "trace", "--json", one.pid).stdout)
    rows = rows if isinstance(rows, list) else rows["calls"]
    return sum(row["bytes"] for row in rows if row["name"] == "mailbox")


def talk(one, other, length=1000, times=1):
    for _ in range(times):
        for sender, receiver in ((one, other), (other, one)):
            receiver.tell("receive 20000")
            assert sender.send(receiver, length, "m") == "ok"
            assert receiver.hear().split()[:2] == [str(length), "m"]


def await_direct(lab, one, other, away=None, limit_s=20):
    """Until what they say goes over ends of those that are away."""

    def goes_directly():
        ends = away or (one, other)
        before = [bytes_of(lab, each) for each in ends]
        talk(one, other)
        return all(bytes_of(lab, each) >= was + 2000 for each, was in zip(ends, before))

    wait_for(goes_directly, "a direct line", limit_s)


def move(lab, one, to):
    lab.run(one.node, "rove", "move", one.pid, to)


def start_at(lab, binaries):  # noqa: F811
    return mailboxes.One(lab, "n1", binaries["one"], "rove", "run", "--stay", "--")


@pytest.fixture
def pair(start, quiet, where):  # noqa: F811
    """Two mailboxes, both away on different hosts, on a direct line."""
    one, other = (start(node, "rove", "run", "--stay", "--") for node in where)
    move(quiet, one, "n2" if where[0] == where[1] else "n3")
    move(quiet, other, "n3" if where[0] == where[1] else "n1")
    await_direct(quiet, one, other)
    return one, other


CONTROL = "/proc/sys/net/ipv4/tcp_congestion_control"


def test_no_line_waits_for_a_rate(start, quiet):
    """Where the machines' connections are paced by BBR, a long message after short ones would wait for up to 0.2 s."""
    if "bbr" not in quiet.run("n1", "cat", "/proc/sys/net/ipv4/tcp_available_congestion_control").stdout:
        pytest.skip("this kernel has no BBR")
    before = quiet.run("n1", "cat", CONTROL).stdout.strip()
    for node in ("n1", "n2", "n3"):
        quiet.run(node, "sh", "-c", f"echo bbr >{CONTROL}")
    try:
        one, other = start("n1", "rove", "run", "--stay", "--"), start("n2")
        talk(one, other)
        move(quiet, one, "n3")
        await_direct(quiet, one, other, away=(one,))
        for node in ("n1", "n2", "n3"):
            lines = quiet.run(node, "ss", "-HtinO").stdout.splitlines()
            assert lines and not [line for line in lines if " bbr " in line], node
    finally:
        for node in ("n1", "n2", "n3"):
            quiet.run(node, "sh", "-c", f"echo {before} >{CONTROL}")


@PLACES
def test_from_host_to_host_and_after_moves(quiet, pair, where):
    a, b = pair
    talk(a, b, 3 << 20)
    move(quiet, a, "n3" if where[0] == where[1] else "n2")
    talk(a, b, 100)
    await_direct(quiet, a, b)
    move(quiet, b, "home")
    talk(a, b, 70000)
    await_direct(quiet, a, b, away=(a,))
    move(quiet, a, "home")
    talk(a, b, 70000, times=10)
    move(quiet, b, "n3" if where[0] == where[1] else "n1")
    await_direct(quiet, a, b, away=(b,))
    assert a.send(b, 5, "l") == "ok"
    assert a.ask("close") == "ok"
    assert b.receive() == ("5", "l")
    assert b.receive()[0] == "gone"


def both_move_with_words_under_way(lab, *moves):
    (a, _), (b, _) = moves
    assert a.send(b, 2000, "x") == "ok"
    assert b.send(a, 3000, "y") == "ok"
    movers = [threading.Thread(target=move, args=(lab, one, to)) for one, to in moves]
    for mover in movers:
        mover.start()
    for mover in movers:
        mover.join()
    assert b.receive() == ("2000", "x")
    assert a.receive() == ("3000", "y")
    talk(a, b)


@PLACES
def test_what_was_sent_does_not_wait_for_its_sender(quiet, pair, where):
    a, b = pair
    # What b has sent lies where a was, and b's library is not called any more.
    for length in (0, 70000, 1):
        assert b.send(a, length, "w") == "ok"
    move(quiet, a, "n3" if where[0] == where[1] else "n2")
    for length in ("0", "70000", "1"):
        assert a.receive()[0] == length
    # The same while both move.
    both_move_with_words_under_way(quiet, (a, "n1"), (b, "n2"))


@PLACES
@pytest.mark.parametrize("moves_first", [False, True], ids=["at once", "after a move"])
def test_what_was_sent_before_the_end_arrives(quiet, pair, where, moves_first):
    a, b = pair
    assert a.send(b, 70000, "u") == "ok"  # unread at b's host when b is killed
    for length in (5, 70000, 1):
        assert b.send(a, length, "k") == "ok"
    if moves_first:
        move(quiet, a, "n3" if where[0] == where[1] else "n2")
    b.kill()
    for length in ("5", "70000", "1"):
        assert a.receive() == (length, "k")
    assert a.receive()[0] == "gone"
    assert a.send(b) == "ESRCH"


def test_who_ends_at_home_beside_a_guest_is_heard_to_the_end(quiet, start):  # noqa: F811
    """Its connection leads to its own node: there, too, something unread must not throw away what is not read yet."""
    b = start("n2", "rove", "run", "--stay", "--")
    move(quiet, b, "n1")
    a = start("n1")
    await_direct(quiet, a, b, away=(b,))
    assert b.send(a, 70000, "u") == "ok"
    # More than b's host takes in before b reads.
    assert a.send(b, 1 << 20, "k") == "ok"
    a.kill()
    assert b.receive() == (str(1 << 20), "k")
    assert b.receive()[0] == "gone"


def rings_of(lab, node):
    """How many processes there have mapped the memory of a line between guests of one host."""
    found = lab.run(node, "sh", "-c", "grep -l 'mailbox ring' /proc/[0-9]*/maps 2>/dev/null; true").stdout.split()
    names = [lab.run(node, "cat", f"{path.rsplit('/', 1)[0]}/comm").stdout.strip() for path in found]
    return sum(name == "one" for name in names)


@pytest.fixture
def together(start, quiet):  # noqa: F811
    """Two mailboxes of n1, both away on n2, with a line through memory."""
    one, other = (start("n1", "rove", "run", "--stay", "--") for _ in range(2))
    move(quiet, one, "n2")
    move(quiet, other, "n2")
    await_direct(quiet, one, other)
    wait_for(lambda: rings_of(quiet, "n2") == 2, "a ring")
    return one, other


def test_guests_of_one_host_part_and_meet(quiet, together):
    a, b = together
    for length in (1, 4096, 131040, 131072, 131073, 3 << 20):
        talk(a, b, length)
    # What b has sent stays where a was, in the ring.
    for length in (0, 60000, 1):
        assert b.send(a, length, "w") == "ok"
    move(quiet, a, "n3")
    for length in ("0", "60000", "1"):
        assert a.receive()[0] == length
    talk(a, b, 1 << 20)
    await_direct(quiet, a, b)
    wait_for(lambda: rings_of(quiet, "n2") == 0, "the end of the ring")
    move(quiet, a, "n2")
    talk(a, b, 3000)
    wait_for(lambda: talk(a, b) or rings_of(quiet, "n2") == 2, "a ring again")
    # Both leave it behind with something in it.
    both_move_with_words_under_way(quiet, (a, "n1"), (b, "n3"))


@pytest.mark.parametrize("moves_first", [False, True], ids=["at once", "after a move"])
def test_who_ends_on_the_same_host_is_heard_to_the_end(quiet, together, moves_first):
    a, b = together
    assert a.send(b, 50000, "u") == "ok"  # unread when b is killed
    for length in (5, 60000, 1):
        assert b.send(a, length, "k") == "ok"
    if moves_first:
        move(quiet, a, "n3")
    b.kill()
    for length in ("5", "60000", "1"):
        assert a.receive() == (length, "k")
    assert a.receive()[0] == "gone"


def test_fork_and_exec_beside_each_other(quiet, together):
    a, b = together
    said, childs = b.ask("fork").split()
    assert said == "ECHILD" and childs != b.address
    talk(a, b, times=3)
    old = b.address
    b.tell("exec")
    b.address = b.hear()
    assert a.receive()[0] == "gone"
    assert a.send(old) == "ESRCH"
    talk(a, b, times=10)


@PLACES
def test_fork_and_exec_away(quiet, pair):
    a, b = pair
    said, childs = b.ask("fork").split()
    assert said == "ECHILD" and childs != b.address
    talk(a, b, times=3)
    old = b.address
    b.tell("exec")
    b.address = b.hear()
    assert b.address != old
    assert a.receive()[0] == "gone"
    assert a.send(old) == "ESRCH"
    talk(a, b, times=10)


def test_one_that_polls_goes_home(start, quiet):  # noqa: F811
    a, b = (start("n1", "rove", "run", "--stay", "--") for _ in range(2))
    move(quiet, a, "n2")
    move(quiet, b, "n3")
    await_direct(quiet, a, b)
    assert a.send(b, 4, "p") == "ok"
    assert b.ask("poll 20000") == "ready"
    assert b.receive() == ("4", "p")
    wait_for(lambda: b.ask("poll 0") == "idle" or b.receive(0) != "EAGAIN", "end of readiness")
    b.tell("poll 20000")
    assert a.send(b, 5, "q") == "ok"
    assert b.hear() == "ready"
    assert b.receive() == ("5", "q")
    talk(a, b, times=10)


def test_daemons_of_hosts_are_restarted(new_lab, binaries):  # noqa: F811
    lab = new_lab("--nodes", "3", "--cpus", "0", "--mem", "0")
    a, b = (start_at(lab, binaries) for _ in range(2))
    move(lab, a, "n2")
    move(lab, b, "n3")
    await_direct(lab, a, b)
    for node in ("n1", "n2", "n3"):
        lab.do("daemon", node, "kill")
    talk(a, b, times=3)
    for node in ("n1", "n2", "n3"):
        lab.do("daemon", node, "start")
    talk(a, b, times=3)
    wait_for(lambda: lab.run("n1", "rove", "move", a.pid, "n3", check=False).returncode == 0, "a move")
    assert a.send(b, 9, "r") == "ok"
    assert b.receive() == ("9", "r")
    await_direct(lab, a, b)


def test_who_has_moved_on_is_not_kept_waiting_for_what_was_in_the_way_before(new_lab, binaries):  # noqa: F811
    lab = new_lab("--nodes", "4", "--cpus", "0", "--mem", "0")
    a, b = (start_at(lab, binaries) for _ in range(2))
    lab.do("cut", "n2:n3")
    move(lab, a, "n2")
    move(lab, b, "n3")
    tried_s = 10  # the longer they try in vain, the rarer they do
    end = time.monotonic() + tried_s
    while time.monotonic() < end:
        talk(a, b)
    move(lab, a, "n4")
    await_direct(lab, a, b, limit_s=tried_s / 2)


def test_a_host_that_is_lost(new_lab, binaries):  # noqa: F811
    lab = new_lab("--nodes", "3", "--cpus", "0", "--mem", "0")
    a, b, c = (start_at(lab, binaries) for _ in range(3))
    move(lab, a, "n2")
    move(lab, b, "n3")
    await_direct(lab, a, b)
    await_direct(lab, b, c, away=(b,))
    lab.do("kill", "n3")
    for each in (a, c):
        assert each.receive(60000)[0] == "gone"
        assert each.send(b) == "ESRCH"
    talk(a, c, times=5)


@pytest.mark.parametrize("away", [("--storm", 300, "--seed", 3), ("--on", "n2")], ids=["in a storm", "away"])
def test_more_peers_than_lines(quiet, binaries, tmp_path, away):  # noqa: F811
    hub = quiet.start("n1", "rove", "run", *away, "--", binaries["many"], "hub", tmp_path / "hub")
    leaves = quiet.start("n3", "rove", "run", "--storm", 300, "--", binaries["many"], "leaves", tmp_path / "hub", 230, 15)
    assert leaves.communicate(timeout=LIMIT_S)[0].strip() == "ok"
    assert hub.communicate(timeout=LIMIT_S)[0].strip() == "ok"
