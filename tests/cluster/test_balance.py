# SPDX-License-Identifier: Apache-2.0
"""Automatic migration: what spreads by itself, what stays, who leaves, and what is told about it.

Nodes have half a core each, so that three fit on a small machine; nothing here depends on how fast that is.
"""
import json
import queue
import re
import subprocess
import sys
import threading
import time

import pytest

from conftest import wait_for

LIMIT_S = 90
AUTOMATIC = {"ROVE_LAB_CONFIG": 'log.level = "debug"'}
SPIN = "while :; do :; done"
# Ends when that node has sent so many datagrams more.
STEPS = """
import json, socket, sys, time
def sent():
    s = socket.socket(socket.AF_UNIX)
    s.connect("/run/rove/control.sock")
    s.sendall(b"GET /v1/gossip HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n")
    text = b""
    while part := s.recv(65536):
        text += part
    return json.loads(text.split(b"\\r\\n\\r\\n", 1)[1])["sent"]
until = sent() + int(sys.argv[1])
while sent() < until:
    time.sleep(0.3)
"""


class Events:
    """What n1 tells as it happens: it is the home of all programs here, so it knows of each move."""

    def __init__(self, lab, node="n1"):
        self.program = lab.start(node, "rove", "events", "--json", "--since", "1h")
        self.rows = queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.program.stdout:
            self.rows.put(json.loads(line))

    def next(self, what):
        try:
            return self.rows.get(timeout=LIMIT_S)
        except queue.Empty:
            pytest.fail(f"in {LIMIT_S} s there was no {what}")

    def until(self, event, **wanted):
        while True:
            row = self.next(f"{event} {wanted}")
            if row["event"] == event and all(row[key] == value for key, value in wanted.items()):
                return row

    def seen(self):
        """All that has come up to now."""
        rows = []
        while not self.rows.empty():
            rows.append(self.rows.get())
        return rows


@pytest.fixture
def made(new_lab):
    """make(options…): a lab in which things move by themselves, and its events."""
    followers = []

    def make(*options, config=""):
        env = {"ROVE_LAB_CONFIG": f"{AUTOMATIC['ROVE_LAB_CONFIG']}\n{config}"}
        lab = new_lab(*(options or ("--nodes", "3", "--cpus", "0.5")), env=env)
        followers.append(Events(lab))
        return lab, followers[-1]

    yield make
    for each in followers:
        each.program.kill()
        each.program.wait()


def hogs(lab, count, *options, node="n1"):
    """A program of processes that compute for ever, and their PIDs."""
    script = f"for i in {' '.join(map(str, range(count)))}; do sh -c '{SPIN}' & done; wait"
    program = lab.start(node, "rove", "run", *options, "--", "sh", "-c", script, stdin=subprocess.DEVNULL)
    # Asked now and then only: on half a core the question itself is a load that programs flee from.
    for _ in range(LIMIT_S):
        while_the_board_beats(lab, 2)
        found = pids(lab, f"sh -c {SPIN}", node)
        if len(found) == count:
            return program, found
    pytest.fail(f"not all of them came to be in ps: {found}")


def pids(lab, command, node="n1"):
    return [row["pid"] for row in lab.json(node, "ps") if row["command"] == command]


def row_of(lab, pid, node="n1"):
    return next(row for row in lab.json(node, "ps") if row["pid"] == pid)


def while_the_board_beats(lab, steps=40):
    """Until n2 has sent so many datagrams more, two or so a second: time in which something would have happened."""
    lab.run("n2", sys.executable, "-c", STEPS, steps)


def decisions(lab, pid):
    """Asked on n2, so that n1 has nothing to do for it but to answer."""
    return lab.json("n2", "explain", f"n1:{pid}")["decisions"]


def verdicts(lab, pid):
    return [row["verdict"] for row in decisions(lab, pid)]


def test_a_job_spreads_over_all_nodes_and_stays_so(made, tmp_path):
    lab, events = made()
    _, job = hogs(lab, 6)
    where = {pid: "n1" for pid in job}

    def counts():
        return [list(where.values()).count(node) for node in ("n1", "n2", "n3")]

    while counts() != [2, 2, 2]:
        row = events.next(f"move to even {counts()}")
        if row["event"] == "move" and row["pid"] in where:
            assert row["figures"]["why"] == "balance" and row["figures"]["gain_s"] >= row["figures"]["needed_s"]
            where[row["pid"]] = row["to"]
            assert max(counts()[1:]) <= 3, f"a node has more than its share and one: {counts()}"
    while_the_board_beats(lab)
    assert [row for row in events.seen() if row["event"] == "move"] == []
    # What was decided can be decided again elsewhere.
    log = tmp_path / "decisions"
    lab.run("n1", "cp", "/run/rove/decisions", log)
    replayed = subprocess.run([lab.rove.with_name("rove-sim"), "--replay", log], capture_output=True, text=True, timeout=60)
    assert replayed.returncode == 0, replayed.stdout + replayed.stderr
    assert re.search(r"[1-9]\d* decisions, 0 came out differently", replayed.stdout)
    assert "it computes sooner there" in replayed.stdout


def build(directory, run):
    """The objects that a parallel build makes."""
    run("make", "-s", "-C", directory, "clean")
    run("make", "-s", "-j6", "-C", directory)
    return {path.name: path.read_bytes() for path in directory.glob("*.o")}


def test_compilers_that_make_starts_run_on_all_nodes(made, tmp_path):
    for number in range(12):
        body = "".join(f"int f{number}_{k}(int a) {{ int s = 0; for (int i = 0; i < a; i++) s += i * {k} ^ (s << 3); return s; }}\n" for k in range(120))
        (tmp_path / f"f{number}.c").write_text(body)
    (tmp_path / "Makefile").write_text("all: $(patsubst %.c,%.o,$(wildcard *.c))\n%.o: %.c\n\tcc -O2 -c -o $@ $<\nclean:\n\trm -f *.o\n")
    wanted = build(tmp_path, lambda *words: subprocess.run(words, check=True, timeout=LIMIT_S))
    assert len(wanted) == 12
    lab, events = made()
    reached, held = set(), False
    for _ in range(12):
        assert build(tmp_path, lambda *words: lab.run("n1", "rove", "run", "--", *words)) == wanted
        for row in events.seen():
            # Placed by what its like have used, not by what it has used itself.
            if row["event"] == "move" and row["figures"].get("expected_s", 0) > 0:
                assert row["from"] == "n1" and row["figures"]["gain_s"] >= row["figures"]["needed_s"]
                reached.add(row["to"])
                # It stood while its host prepared.
                held |= row["figures"].get("held_at_exec", False)
        if reached == {"n2", "n3"} and held:
            return
    pytest.fail(f"in 12 builds compilers were placed on {sorted(reached)}, {'one' if held else 'none'} of them was held at its exec")


def test_who_waits_for_its_children_is_not_taken_to_be_like_them(made):
    lab, _ = made("--nodes", "2")
    work = "f() { i=0; while [ $i -lt 150000 ]; do i=$((i + 1)); done; }; f & f & wait; :"
    lab.run("n1", "rove", "run", "--", "sh", "-c", work)

    def used():
        text = lab.run("n1", "sh", "-c", "cat /run/rove/executables || :").stdout
        return {line.split(" ", 4)[4]: float(line.split()[1]) for line in text.splitlines() if "sh" in line.split(" ", 4)[4]}

    def both():
        """What is known of the children, and of their parent, who ends after them."""
        known = used()
        return next(((known[name], known[parent]) for name in known if (parent := name.removesuffix(" (child)")) != name and parent in known), None)

    of_children, of_parent = wait_for(both, "what is known of executables", LIMIT_S)
    assert of_children > 5 * of_parent


def test_nothing_moves_where_it_is_turned_off(made):
    lab, events = made()
    for node in ("n1", "n2", "n3"):
        lab.run(node, "rove", "node", "auto", "off")
    _, job = hogs(lab, 3)
    while_the_board_beats(lab)
    assert not [row for row in events.seen() if row["event"] in ("move", "decision")]
    assert lab.json("n1", "explain", job[0])["decisions"] == []
    lab.run("n1", "rove", "node", "auto", "on")
    assert events.until("move")["pid"] in job


def test_one_process_and_an_idle_node_stay_as_they_are(made):
    lab, events = made("--nodes", "2", "--cpus", "0.5")
    _, job = hogs(lab, 1)
    while_the_board_beats(lab)
    assert not [row for row in events.seen() if row["event"] == "move"]
    assert verdicts(lab, job[0])[0] in ("no_target", "not_crowded")


def test_who_is_to_stay_stays_and_who_hardly_computes(made):
    lab, events = made()
    # Begun before the others, or it would begin elsewhere: nothing is known of a new program.
    lab.start("n1", "rove", "run", "--", sys.executable, "-c", "import time\nwhile True: time.sleep(0.05)", stdin=subprocess.DEVNULL)
    wait_for(lambda: any("time.sleep" in row["command"] for row in lab.json("n1", "ps")), "the sleeper", LIMIT_S)
    while_the_board_beats(lab)  # until what it did at its start is forgotten
    _, locked = hogs(lab, 2, "--stay")
    lab.start("n1", "rove", "run", "--", "sh", "-c", f"{SPIN} # roams", stdin=subprocess.DEVNULL)
    # It may have begun elsewhere at once.
    roaming = wait_for(lambda: pids(lab, f"sh -c {SPIN} # roams"), "the third", LIMIT_S)[0]
    wait_for(lambda: row_of(lab, roaming)["host"] != "n1", "departure", LIMIT_S)
    sleeper = next(row["pid"] for row in lab.json("n1", "ps") if "time.sleep" in row["command"])
    wait_for(lambda: "interactive" in verdicts(lab, sleeper), "verdict about the sleeper", LIMIT_S)
    moved = {row["pid"] for row in events.seen() if row["event"] == "move"}
    assert not moved & {*locked, sleeper}
    for pid in locked:
        assert row_of(lab, pid)["moves"] == 0 and lab.json("n1", "explain", pid)["reason"] == "user_stay"


def test_explain_has_the_figures(made):
    lab, events = made()
    hogs(lab, 3)
    row = events.until("move")
    told = lab.json("n1", "explain", row["pid"])
    moved = next(each for each in told["decisions"] if each["verdict"] == "moved")
    assert (moved["from"], moved["to"]) == (row["from"], row["to"])
    figures = moved["figures"]
    assert {"why", "load_here", "load_there", "stretch_here", "stretch_there", "remaining_s", "stay_s", "go_s", "cost_s",
            "gain_s", "needed_s", "bytes", "freeze_ms", "total_ms"} <= set(figures)
    assert figures["gain_s"] == pytest.approx(figures["stay_s"] - figures["go_s"] - figures["cost_s"] - figures["talk_s"], abs=0.01)
    assert re.search(r"gain [\d.]+ s", lab.run("n1", "rove", "explain", row["pid"]).stdout)
    # Its host decides about it from now on, and home tells that, too.
    wait_for(lambda: any(each["from"] == row["to"] for each in decisions(lab, row["pid"])),
             "decision of its host", LIMIT_S)


LARGE = "import os; all = os.urandom(60 << 20)\nwhile True: pass"


def test_who_was_long_on_its_way_but_hardly_stood_stays_as_long_again(made):
    """Not for five times as long, as one that stood still all the while."""
    lab, events = made("--nodes", "2", "--cpus", "0.5", "--rate", "100mbit")
    lab.run("n1", "rove", "node", "auto", "off")  # or the second one would begin on n2
    for _ in range(2):
        lab.start("n1", "rove", "run", "--", sys.executable, "-c", LARGE, stdin=subprocess.DEVNULL)
    wait_for(lambda: len([row for row in lab.json("n1", "ps") if row["memory_bytes"] and row["memory_bytes"] > 60 << 20]) == 2, "two large ones", LIMIT_S)
    lab.run("n1", "rove", "node", "auto", "on")
    row = events.until("move", to="n2")
    took_s = row["figures"]["total_ms"] / 1000
    assert row["figures"]["stopped_ms"] < took_s * 1000 / 5

    def stays():
        """For how long it has been told to have arrived only now, and whether that is over."""
        told = [each for each in decisions(lab, row["pid"]) if each["from"] == "n2"]
        ago = next((each["ms_ago"] for each in told if each["verdict"] == "just_arrived"), None)
        return ago is not None and told[0]["verdict"] != "just_arrived" and time.time() - row["time"] - ago / 1000

    stayed_s = wait_for(stays, "end of its residence", LIMIT_S)
    assert stayed_s < 2.5 * max(took_s, 3)


def test_a_program_begins_where_it_computes_sooner(made):
    lab, events = made()
    hogs(lab, 2, "--stay")
    wait_for(lambda: lab.json("n1", "nodes")[0]["load"] > 3, "load on n1", LIMIT_S)
    lab.start("n1", "rove", "run", "--", "sh", "-c", SPIN, stdin=subprocess.DEVNULL)
    row = events.until("move")
    assert row["figures"]["why"] == "start" and row["from"] == "n1"
    # One that may not be moved begins at home, and one whose home is idle.
    lab.start("n1", "rove", "run", "--stay", "--", "sleep", "1001", stdin=subprocess.DEVNULL)
    lab.start("n3" if row["to"] == "n2" else "n2", "rove", "run", "--", "sleep", "1002", stdin=subprocess.DEVNULL)
    other = "n3" if row["to"] == "n2" else "n2"
    wait_for(lambda: pids(lab, "sleep 1001") and pids(lab, "sleep 1002", other), "both", LIMIT_S)
    assert row_of(lab, pids(lab, "sleep 1001")[0])["host"] == "n1"
    assert row_of(lab, pids(lab, "sleep 1002", other)[0], other)["host"] == other


def test_a_drained_node_is_empty(made):
    lab, events = made()
    _, job = hogs(lab, 4)
    guest = events.until("move", to="n2")["pid"]
    lab.run("n1", "rove", "node", "drain", "n2")
    assert [row for row in lab.json("n2", "ps", "--all") if row["home"] != "n2"] == []
    assert row_of(lab, guest)["host"] in ("n1", "n3")
    while_the_board_beats(lab, 20)
    assert "n2" not in {row["host"] for row in lab.json("n1", "ps")}
    lab.run("n1", "rove", "node", "unblock", "n2")
    events.seen()
    assert events.until("move", to="n2")["pid"] in job


FAMILY = "while :; do (/bin/true; read x </dev/null); sleep 0.05 & wait; done"


@pytest.mark.parametrize("turn", range(3))
def test_who_is_born_while_a_node_is_drained_leaves_it_too(quiet, turn):
    families = [quiet.start("n1", "rove", "run", "--stay", "--on", "n2", "--", "sh", "-c", FAMILY, stdin=subprocess.DEVNULL) for _ in range(12)]
    try:
        wait_for(lambda: len([row for row in quiet.json("n1", "ps") if row["host"] == "n2"]) >= 12, "guests", LIMIT_S)
        quiet.run("n1", "rove", "node", "drain", "n2")
        assert [row for row in quiet.json("n2", "ps", "--all") if row["home"] != "n2"] == []
        assert [row for row in quiet.json("n1", "ps") if row["host"] == "n2"] == []
    finally:
        quiet.run("n1", "rove", "node", "unblock", "n2")
        while rows := quiet.json("n1", "ps"):
            quiet.run("n1", "kill", "-9", *(str(row["pid"]) for row in rows), check=False)
        for family in families:
            family.wait(20)


def test_guests_leave_who_needs_the_node_himself(made):
    lab, events = made()
    hogs(lab, 3)
    guest = events.until("move", to="n2")["pid"]
    users = [lab.start("n2", "sh", "-c", SPIN) for _ in range(2)]
    row = events.until("move", **{"from": "n2", "pid": guest})
    assert row["figures"]["why"] in ("owner", "balance")
    # Nobody comes while they are busy.
    events.seen()
    while_the_board_beats(lab, 20)
    assert not [row for row in events.seen() if row["event"] == "move" and row["to"] == "n2"]
    for user in users:
        user.kill()
        user.wait()


# Page by page: a copy on the way would make the node swap the others out.
HOLD = "import sys, time\nheld = bytearray(int(sys.argv[1]) << 20)\nfor at in range(0, len(held), 4096): held[at] = 1\nprint('held', flush=True)\ntime.sleep(1000)"


def test_where_memory_ends_the_smallest_that_cures_it_leaves(made):
    lab, events = made("--nodes", "3", "--cpus", "0", "--mem", "1G", "--node", "n1:mem=256M,swap=256M")
    # Below half of its 256 MB a node of that size is short; with the third one more is missing than the others have.
    lab.run("n1", "rove", "node", "auto", "off")
    for size in (10, 20, 150):
        holding = lab.start("n1", "rove", "run", "--", sys.executable, "-c", HOLD, str(size), stdin=subprocess.DEVNULL)
        assert holding.stdout.readline() == "held\n"
    lab.run("n1", "rove", "node", "auto", "on")
    row = events.until("move")
    assert row["figures"]["why"] == "memory"
    assert row_of(lab, row["pid"])["command"].endswith(" 150")
    while_the_board_beats(lab, 20)
    assert not [row for row in events.seen() if row["event"] == "move"]


def test_a_chain_makes_room(made):
    """n1 must get rid of the largest, which only fits on n2, and there only when another one has gone on to n3."""
    lab, events = made("--nodes", "3", "--cpus", "0", "--node", "n1:mem=150M", "--node", "n2:mem=270M", "--node", "n3:mem=140M",
                       config="policy.usher_bytes = 33554432")
    nodes = ("n1", "n2", "n3")
    for node in nodes:
        lab.run(node, "rove", "node", "auto", "off")
    # What goes on is so large that home keeps none of it.
    for node, size in (("n1", 120), ("n2", 75), ("n2", 75)):
        holding = lab.start(node, "rove", "run", "--", sys.executable, "-c", HOLD, str(size), stdin=subprocess.DEVNULL)
        assert holding.stdout.readline() == "held\n"
    for node in nodes:
        lab.run(node, "rove", "node", "auto", "on")
    onward = Events(lab, "n2")
    try:
        made_room = onward.until("move", **{"from": "n2", "to": "n3"})
        assert made_room["figures"]["why"] == "make_room"
        assert row_of(lab, made_room["pid"], "n2")["command"].endswith(" 75")
        came = events.until("move", **{"from": "n1", "to": "n2"})
        assert came["figures"]["why"] == "memory"
        assert row_of(lab, came["pid"])["command"].endswith(" 120")
        # They are idle, and would be at home again if there were room.
        while_the_board_beats(lab)
        assert not [row for row in events.seen() + onward.seen() if row["event"] == "move"]
    finally:
        onward.program.kill()
        onward.program.wait()
