# SPDX-License-Identifier: Apache-2.0
"""The network of a lab, cuts, and nodes that lose their power."""
import select
import subprocess
import sys

from conftest import BARE, LIMIT_S
from talking import end, listen, talk


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
