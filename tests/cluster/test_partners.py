# SPDX-License-Identifier: Apache-2.0
"""Processes that talk with each other: where they are placed, and what is told about it."""
import subprocess

import mailboxes
from conftest import wait_for
from test_balance import LIMIT_S, SPIN, decisions, made, pids, row_of, verdicts, while_the_board_beats  # noqa: F401


def automatic(lab, how):
    for node in ("n1", "n2", "n3"):
        lab.run(node, "rove", "node", "auto", how)


def partners(lab, pid):
    return lab.json("n2", "explain", f"n1:{pid}")["partners"]


def test_who_talks_a_lot_stays_with_its_partner_and_comes_back_to_it(made, tmp_path):  # noqa: F811
    tmp_path.chmod(0o755)
    tmp_path.parent.chmod(0o755)
    lab, events = made()
    automatic(lab, "off")
    talking = lab.start("n1", "rove", "run", "--", mailboxes.build("pair", tmp_path), stdin=subprocess.DEVNULL)
    pair = [int(word) for word in talking.stdout.readline().split()]
    for one, other in (pair, pair[::-1]):
        told = wait_for(lambda one=one: partners(lab, one), "its partner", LIMIT_S)
        assert [(row["process"], row["at"]) for row in told] == [(f"n1:{other}", "n1")]
    counted = partners(lab, pair[0])[0]["messages"]
    wait_for(lambda: partners(lab, pair[0])[0]["messages"] > counted, "more messages", LIMIT_S)

    # They share a core with a third one. Whoever leaves, the two of them are not parted.
    lab.start("n1", "rove", "run", "--", "sh", "-c", SPIN, stdin=subprocess.DEVNULL)
    wait_for(lambda: pids(lab, f"sh -c {SPIN}"), "the third", LIMIT_S)
    automatic(lab, "on")
    lone = pids(lab, f"sh -c {SPIN}")[0]

    def places():
        return [row_of(lab, pid)["host"] for pid in (*pair, lone)]

    def together_apart_from_the_third():
        one, other, third = places()
        return one == other != third

    wait_for(together_apart_from_the_third, "two by themselves", LIMIT_S)
    for pid in pair if places()[0] == "n1" else ():
        wait_for(lambda pid=pid: "calls" in verdicts(lab, pid), "verdict", LIMIT_S)
        figures = next(row for row in decisions(lab, pid) if row["verdict"] == "calls")["figures"]
        assert figures["calls_per_cpu_second"] > 1000
        # n1 has talked with the node that the third went to: how far that is was measured.
        assert figures["round_trip_us"] not in (0, 200)
    while_the_board_beats(lab)
    assert together_apart_from_the_third()

    # One that is taken away comes back to where the other is, or is followed by it.
    events.seen()
    away = next(node for node in ("n2", "n3") if node not in places())
    lab.run("n1", "rove", "move", pair[1], away)
    wait_for(together_apart_from_the_third, "the two of them again", LIMIT_S)
    moves = [row for row in events.seen() if row["event"] == "move" and row["pid"] in pair]
    assert moves[-1]["figures"]["why"] in ("home_better", "together")
    assert moves[-1]["figures"]["messages_per_cpu_second"] > 0


def test_two_that_are_apart_come_together_and_do_not_change_places(made, tmp_path):  # noqa: F811
    tmp_path.chmod(0o755)
    tmp_path.parent.chmod(0o755)
    lab, events = made("--nodes", "3", "--cpus", "0")
    automatic(lab, "off")
    talking = lab.start("n1", "rove", "run", "--", mailboxes.build("pair", tmp_path), stdin=subprocess.DEVNULL)
    pair = [int(word) for word in talking.stdout.readline().split()]
    for pid, node in zip(pair, ("n2", "n3")):
        lab.run("n1", "rove", "move", pid, node)
    for pid, node in zip(pair, ("n3", "n2")):
        wait_for(lambda pid=pid, node=node: [row["at"] for row in partners(lab, pid)] == [node], "where its partner is", LIMIT_S)
    events.seen()
    automatic(lab, "on")
    row = events.until("move")
    assert row["figures"]["why"] == "together" and row["figures"]["messages_per_cpu_second"] > 0
    while_the_board_beats(lab)
    assert row_of(lab, pair[0])["host"] == row_of(lab, pair[1])["host"]
    assert not [row for row in events.seen() if row["event"] == "move" and row["pid"] in pair]
