# SPDX-License-Identifier: Apache-2.0
"""Whether two nodes of a lab hear each other: one listens, the other sends a byte and waits for it."""
import sys

from conftest import LIMIT_S

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
