# SPDX-License-Identifier: Apache-2.0
"""link.encrypt: who listens to the network sees nothing of a process that is away."""
import subprocess

import pytest

from test_confined import row_of
from test_daemon import configure

# Says which of the words on its command line, each turned around, went by on the network, when its input ends.
LISTEN = """
import select, socket, sys
words = [word[::-1].encode() for word in sys.argv[1:]]
line = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
line.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)
print("listening", flush=True)
seen, heard, open_ = set(), 0, True
while open_ or select.select([line], [], [], 0.2)[0]:
    ready = select.select([line] + [sys.stdin] * open_, [], [])[0]
    open_ = open_ and sys.stdin not in ready
    if line in ready:
        packet = line.recv(1 << 17)
        heard += len(packet)
        seen.update(word for word in words if word in packet)
print(heard, *sorted(word.decode() for word in seen))
"""
# Holds one word in its memory, and writes and reads the other one as often as it is told to.
WORDS = """
import os, sys
held = bytearray(sys.argv[1][::-1].encode() * 100_000)
said = sys.argv[2][::-1].encode()
file = os.open(sys.argv[3], os.O_RDWR | os.O_CREAT, 0o600)
os.unlink(sys.argv[3])
print("ready", flush=True)
for line in sys.stdin:
    for _ in range(int(line)):
        held[0:len(said)] = said
        assert os.pwrite(file, said * 1000, 0) == 1000 * len(said)
        assert os.pread(file, 1 << 20, 0) == said * 1000
        assert os.fork() != 0 or os._exit(7) is None
        assert os.waitstatus_to_exitcode(os.wait()[1]) == 7
    assert os.system("true") == 0
    print("done", flush=True)
"""
HELD, SAID = "held-in-memory-dleh", "said-in-calls-dias"


@pytest.fixture
def lab(new_lab):
    return new_lab("--nodes", "3", "--cpus", "0", "--mem", "0")


def ask(program, rounds):
    program.stdin.write(f"{rounds}\n")
    program.stdin.flush()
    assert program.stdout.readline() == "done\n"


def heard_while_away(lab, tmp_path):
    """What three nodes heard while a program of the first went to the others and home."""
    listeners = []
    for node in ("n1", "n2", "n3"):
        listener = lab.start(node, "/usr/bin/python3", "-c", LISTEN, HELD, SAID, stdin=subprocess.PIPE)
        assert listener.stdout.readline() == "listening\n"
        listeners.append(listener)
    program = lab.start("n1", "rove", "run", "--", "/usr/bin/python3", "-c", WORDS, HELD, SAID, str(tmp_path / "file"), stdin=subprocess.PIPE)
    assert program.stdout.readline() == "ready\n"
    pid = row_of(lab, "python3")["pid"]
    for to in ("n2", "n3", "home", "n3", "home"):
        ask(program, 3)
        moved = lab.json("n1", "move", str(pid), to)
        assert moved["from"] != moved["to"]
        ask(program, 20)
    program.stdin.close()
    assert program.wait(timeout=20) == 0
    heard, words = 0, set()
    for listener in listeners:
        out, _ = listener.communicate(timeout=60)
        count, *seen = out.split()
        heard += int(count)
        words.update(seen)
    assert heard > 5_000_000
    return words


def test_without_it_the_network_tells_all(lab, tmp_path):
    assert heard_while_away(lab, tmp_path) == {HELD[::-1], SAID[::-1]}


@pytest.mark.parametrize("who", [("n1",), ("n2", "n3")], ids=["home", "hosts"])
def test_it_is_enough_that_one_of_both_wants_it(lab, tmp_path, who):
    for node in who:
        configure(lab, node, "link.encrypt = true")
    assert heard_while_away(lab, tmp_path) == set()


def test_from_one_that_encrypts_to_one_that_does_not_it_goes_by_home(lab):
    configure(lab, "n2", "link.encrypt = true")
    program = lab.start("n1", "rove", "run", "--", "sleep", "1000")
    pid = row_of(lab, "sleep 1000")["pid"]
    for to, moves in (("n2", 1), ("n3", 3), ("n2", 5)):
        assert lab.json("n1", "move", str(pid), to)["to"] == to
        row = row_of(lab, "sleep 1000")
        assert row["host"] == to and row["moves"] == moves and row["state"] == "away"
    lab.run("n1", "kill", "-9", str(pid))
    program.wait(timeout=20)
