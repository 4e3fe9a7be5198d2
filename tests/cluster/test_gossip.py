# SPDX-License-Identifier: Apache-2.0
"""The board of a lab: joining by one node, leaving, lost datagrams, and datagrams that are none of it."""
import json
import pathlib
import re
import sys

from conftest import wait_for

NODES = ("n1", "n2", "n3")
COUNTS = """
import socket
s = socket.socket(socket.AF_UNIX)
s.connect("/run/rove/control.sock")
s.sendall(b"GET /v1/gossip HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n")
text = b""
while part := s.recv(65536):
    text += part
print(text.split(b"\\r\\n\\r\\n", 1)[1].decode())
"""
# Takes a datagram off the wire, sends it again, changed and as it is, and noise.
DISTURB = """
import socket, sys
listener = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
listener.settimeout(10)
mine, other, port = sys.argv[1], sys.argv[2], 7946
while True:
    packet = listener.recv(2000)
    text = packet[28:]
    if packet[9] == 17 and text[:2] == b"RG" and socket.inet_ntoa(packet[16:20]) == mine:
        break
out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for wrong in (b"", b"noise", text[:30], text[:-1], text + b"x", text[:2] + b"\\x07" + text[3:],
              text[:40] + bytes([text[40] ^ 1]) + text[41:], text):
    out.sendto(wrong, (mine, port))
# What was meant for another is good there, and says nothing new.
out.sendto(text, (other, port))
"""


def states(lab, node):
    return {row["name"]: row["state"] for row in lab.json(node, "nodes")}


def all_up(lab, nodes=NODES):
    return all(states(lab, viewer).get(node) == "up" for viewer in nodes for node in nodes)


def counts(lab, node):
    return json.loads(lab.run(node, sys.executable, "-c", COUNTS).stdout)



def settings(lab, node):
    return pathlib.Path(f"/run/rove-lab/{lab.name}/{node}/rove.toml")


def test_a_node_joins_that_knows_one_other(new_lab):
    lab = new_lab("--nodes", "3", "--cpus", "0", "--mem", "0")
    for node in NODES:
        path = settings(lab, node)
        path.write_text("".join(line for line in path.read_text().splitlines(True)
                                if not re.search(r'name = "n[23]", address', line)))
        assert path.read_text().count("address = \"") == 2  # its own, and that of n1
        lab.do("daemon", node, "stop")
    for node in NODES:
        lab.do("daemon", node, "start")
    wait_for(lambda: all_up(lab), "all know all", limit_s=15)
    # It is known well enough to be moved to.
    lab.run("n2", "rove", "run", "--on", "n3", "--", "true")


def test_who_is_drained_and_ends_has_left(new_lab):
    lab = new_lab("--nodes", "3", "--cpus", "0", "--mem", "0")
    lab.run("n3", "rove", "node", "drain")
    lab.do("daemon", "n3", "stop")
    wait_for(lambda: states(lab, "n1")["n3"] == "left" and states(lab, "n2")["n3"] == "left", "left n3", limit_s=5)
    lab.do("daemon", "n3", "start")
    wait_for(lambda: states(lab, "n1")["n3"] in ("up", "blocked"), "n3 back", limit_s=10)
    # Whoever only ends will be missed.
    lab.do("daemon", "n2", "stop")
    wait_for(lambda: states(lab, "n1")["n2"] == "dead", "dead n2", limit_s=10)


def test_datagrams_that_are_not_the_boards_are_dropped_and_counted(quiet):
    before = counts(quiet, "n2")
    quiet.run("n2", sys.executable, "-c", DISTURB, quiet.address("n2"), quiet.address("n1"))
    after = wait_for(lambda: (now := counts(quiet, "n2"))["replayed"] > before["replayed"] and now, "replay")
    grown = {key: after[key] - before[key] for key in ("no_datagram", "other_version", "forged", "replayed")}
    assert grown == {"no_datagram": 3, "other_version": 1, "forged": 3, "replayed": 1}
    assert "speaks another version of the protocol" in quiet.do("log", "n2").stdout
    assert all_up(quiet)


def test_a_fifth_of_all_datagrams_may_be_lost(new_lab):
    lab = new_lab("--nodes", "3", "--cpus", "0", "--mem", "0")
    for node in NODES:
        lab.run(node, "nft", "table inet lossy { chain in { type filter hook input priority 0; "
                             "udp dport 7946 numgen random mod 100 < 20 counter drop; }; }")
    deaths = 0
    # Half a minute on the boards' clocks, whatever this test's own one does.
    start = counts(lab, "n1")["sent"]
    wait_for(lambda: counts(lab, "n1")["sent"] > start + 150, "traffic", limit_s=120)
    for node in NODES:
        deaths += len(re.findall(r"node n\d is dead", lab.do("log", node).stdout))
    assert deaths == 0
    dropped = lab.run("n1", "nft", "list table inet lossy").stdout
    assert int(re.search(r"packets (\d+)", dropped)[1]) > 10
