# SPDX-License-Identifier: Apache-2.0
"""Processes that ask to be moved by their mailboxes: to a node, to a peer, or a peer to them."""
import subprocess

import pytest

import mailboxes
from conftest import LIMIT_S, wait_for
from mailboxes import binaries, start  # noqa: F401 (fixtures)
from test_mailbox_direct import PLACES, await_direct, move, rings_of, talk

RUN = ("rove", "run", "--stay", "--")
NOBODY = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups")


def row(one):
    return next(each for each in one.lab.json(one.node, "ps", "--all") if each["pid"] == one.pid and each["home"] == one.node)


def host(one):
    return row(one)["host"]


@pytest.fixture
def two(start, where):  # noqa: F811
    return tuple(start(node, *RUN) for node in where)


@PLACES
def test_going_to_a_peer_and_inviting_it(quiet, two):
    a, b = two
    move(quiet, b, "n3")
    assert a.ask("join", b.address) == "ok"
    assert host(a) == "n3"
    moves = row(a)["moves"]
    for wish in (("join", b.address), ("join", a.address), ("invite", b.address), ("go", "n3")):
        assert a.ask(*wish) == "ok"  # it is there already
    assert row(a)["moves"] == moves and row(b)["moves"] == 1
    assert [each["verdict"] for each in quiet.json(a.node, "explain", a.pid)["decisions"]].count("asked") == 1
    talk(a, b)
    assert b.ask("go", "home") == "ok"
    assert host(b) == b.node
    assert a.ask("join", b.address) == "ok"  # which is home for one of them at least
    assert host(a) == b.node
    assert a.ask("go", "n3") == "ok"
    assert a.ask("invite", b.address) == "ok"
    assert host(b) == "n3"
    talk(a, b, 70000)


@PLACES
def test_both_want_it_at_once(quiet, two):
    a, b = two
    for of_a, of_b in (("join", "join"), ("invite", "invite"), ("join", "invite"), ("invite", "join")) * 3:
        move(quiet, a, "n2")
        move(quiet, b, "n3")
        a.tell(of_a, b.address)
        b.tell(of_b, a.address)
        assert (a.hear(), b.hear()) == ("ok", "ok")
        assert host(a) == host(b)
        talk(a, b)


@pytest.mark.parametrize("wish", ["join", "invite"])
def test_together_they_talk_through_memory(quiet, start, wish):  # noqa: F811
    a, b = (start("n1", *RUN) for _ in range(2))
    move(quiet, a, "n3")
    move(quiet, b, "n2")
    await_direct(quiet, a, b)
    assert a.ask(wish, b.address) == "ok"
    wait_for(lambda: talk(a, b) or rings_of(quiet, host(a)) == 2, "a ring")


def test_who_asks_meanwhile_gets_what_was_sent(quiet, two_away):
    a, b = two_away
    for length, node in ((2000, "n1"), (70000, "n2"), (0, "n3"), (1, "home")):
        assert a.send(b, length, "w") == "ok"
        assert b.ask("go", node) == "ok"
        assert b.send(a, length + 5, "v") == "ok"
        assert a.ask("join", b.address) == "ok"
        assert host(a) == host(b)
        assert b.receive()[0] == str(length)
        assert a.receive()[0] == str(length + 5)


@pytest.fixture
def two_away(quiet, start):  # noqa: F811
    a, b = start("n1", *RUN), start("n2", *RUN)
    move(quiet, a, "n3")
    move(quiet, b, "n1")
    await_direct(quiet, a, b)
    return a, b


def test_a_wish_that_nobody_waits_for(quiet, start):  # noqa: F811
    a, b = (start("n1", *RUN) for _ in range(2))
    assert a.ask("go", "n2", 0) == "ETIMEDOUT"
    wait_for(lambda: host(a) == "n2", "move")
    assert a.ask("invite", b.address, 0) == "ETIMEDOUT"
    wait_for(lambda: host(b) == "n2", "move")
    assert a.ask("go", "home") == "ok"


def test_who_cannot_be_moved_is_told_why(quiet, start):  # noqa: F811
    a, unmanaged, far = start("n1", *RUN), start("n1"), start("n2", *RUN)
    assert unmanaged.ask("go", "n2") == "ENOTSUP"
    assert unmanaged.ask("go", "home") == "ok"
    assert unmanaged.ask("join", far.address) == "ENOTSUP"
    assert far.ask("invite", unmanaged.address) == "ENOTSUP"
    assert unmanaged.ask("join", a.address) == "ok"
    assert unmanaged.ask("invite", far.address) == "ok"
    assert host(far) == "n1"
    assert a.ask("go", "n9") == "EHOSTUNREACH"
    home, pid, incarnation = far.address.split(":")
    for wish in ("join", "invite"):
        for nobody in (f"{home}:{int(pid) + 1}:{incarnation}", f"{home}:{pid}:{int(incarnation, 16) ^ 1:016x}", f"n9:{pid}:{incarnation}"):
            assert a.ask(wish, nobody) == "ESRCH"
    quiet.run("n1", "rove", "node", "block", "n2")
    try:
        assert a.ask("go", "n2") == "EBUSY"
    finally:
        quiet.run("n1", "rove", "node", "unblock", "n2")
    # What somebody is told to leave to its user it may still ask for, as he may.
    quiet.run("n1", "rove", "stay", a.pid)
    assert a.ask("go", "n2") == "ok"
    far.kill()
    for wish in ("join", "invite"):
        assert a.ask(wish, far.address) == "ESRCH"
    assert a.ask("go", "home") == "ok"


def test_what_is_kept_at_home_is_told_so(quiet, start):  # noqa: F811
    a = start("n1", *RUN)
    debugger = quiet.start("n1", "rove", "debug", a.pid, "--", "cat", stdin=subprocess.PIPE)
    wait_for(lambda: row(a)["reason"] == "debugged", "debugger")
    assert a.ask("go", "n2") == "ENOTSUP"
    assert a.ask("go", "home") == "ok"
    debugger.stdin.close()
    assert debugger.wait(LIMIT_S) == 0
    assert a.ask("go", "n2") == "ok"


@PLACES
def test_only_its_own_user_moves_a_process(quiet, start, where):  # noqa: F811
    root, nobody = start(where[0], *RUN), start(where[1], *RUN, *NOBODY)
    same = start(where[0], *RUN, *NOBODY)
    move(quiet, root, "n3")
    assert nobody.ask("join", root.address) == "EPERM"
    assert nobody.ask("invite", root.address) == "EPERM"
    assert host(nobody) == nobody.node and host(root) == "n3"
    assert nobody.ask("go", "n3") == "ok"
    assert nobody.ask("invite", same.address) == "ok"
    assert host(same) == "n3"
    assert root.ask("go", "home") == "ok"
    assert root.ask("invite", nobody.address) == "ok"
    assert host(nobody) == root.node
    assert root.ask("join", same.address) == "ok"
    assert host(root) == "n3"


def test_a_node_without_a_daemon_is_not_gone_to(new_lab, binaries):  # noqa: F811
    lab = new_lab("--nodes", "3", "--cpus", "0", "--mem", "0")
    a, b = (mailboxes.One(lab, node, binaries["one"], *RUN) for node in ("n1", "n2"))
    lab.do("daemon", "n3", "kill")
    assert a.ask("go", "n3") == "EHOSTUNREACH"
    lab.do("daemon", "n2", "kill")
    for wish in ("join", "invite"):
        assert a.ask(wish, b.address) == "EHOSTUNREACH"
    for node in ("n2", "n3"):
        lab.do("daemon", node, "start")
    wait_for(lambda: a.ask("join", b.address) == "ok", "daemon")
    assert host(a) == "n2"


def test_a_home_that_is_restarted_has_not_forgotten_the_wish(new_lab, binaries):  # noqa: F811
    lab = new_lab("--nodes", "3", "--cpus", "0", "--mem", "0")
    a, b = (mailboxes.One(lab, node, binaries["one"], *RUN) for node in ("n1", "n2"))
    for of_b in ("n3", "home", "n1", "n3"):
        move(lab, b, of_b)
        a.tell("join", b.address)  # what the daemon has done of it by then is left to chance
        lab.do("daemon", "n1", "kill")
        lab.do("daemon", "n1", "start")
        assert a.hear() == "ok"
        assert host(a) == host(b)


@pytest.mark.parametrize("way", [("--stay",), ("--storm", 400, "--seed", 5)], ids=["alone", "in a storm"])
@pytest.mark.parametrize("crowd", [2, 6])
def test_many_wishes_lose_no_message(quiet, binaries, tmp_path, crowd, way):  # noqa: F811
    members = [quiet.start(f"n{number % 3 + 1}", "rove", "run", *way, "--", binaries["crowd"], tmp_path, number, crowd,
                           200, 20000, 11, 0, 40) for number in range(crowd)]
    said = [member.communicate(timeout=3 * LIMIT_S)[0].strip() for member in members]
    assert all(line.startswith("ok ") and int(line.split()[3]) > 20 for line in said), said
