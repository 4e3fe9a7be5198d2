# SPDX-License-Identifier: Apache-2.0
"""Programs that write while they are moved: what is sent, and for how long they stand still."""
import pathlib

import pytest

from conftest import wait_for
from counting import counting, end, only

WRITE = """
import time
x = bytearray(8 << 20)
for i in range(100000):
    x[:] = bytes([i % 256]) * len(x)
    assert x.count(i % 256) == len(x)
    print(i, flush=True)
    time.sleep(0.2)
"""


def watches_writes():
    """Linux 6.7 tells which pages were written; from 6.13 on it is relied on for memory that was mapped away as well."""
    release = pathlib.Path("/proc/sys/kernel/osrelease").read_text().split(".")
    return (int(release[0]), int(release[1].split("-")[0])) >= (6, 13)


@pytest.mark.skipif(not watches_writes(), reason="this kernel does not watch writes for us")
def test_a_homecoming_sends_what_was_written(quiet):
    sleeper, row = counting(quiet)
    out = quiet.json("n1", "move", row["pid"], "n2")
    back = quiet.json("n1", "move", row["pid"], "home")
    assert back["bytes"] < out["bytes"] / 4
    end(quiet, sleeper, row)

    writer = quiet.start("n1", "rove", "run", "--", "python3", "-c", WRITE)
    row = wait_for(lambda: (found := only(quiet)) and "bytearray" in found["command"] and found, "row in ps")
    assert writer.stdout.readline() == "0\n"
    out = quiet.json("n1", "move", row["pid"], "n2")
    assert out["mode"] == "pre-copy" and out["stopped_ms"] > out["freeze_ms"] > 0
    seen = int(writer.stdout.readline())
    for number in range(seen + 1, seen + 5):
        assert writer.stdout.readline() == f"{number}\n"
    back = quiet.json("n1", "move", row["pid"], "home")
    assert back["mode"] == "pre-copy" and back["bytes"] >= 8 << 20
    end(quiet, writer, row)


FILL = """
import sys
memory = bytearray(64 << 20)
for number in range(0, len(memory), 4096):
    memory[number] = number // 4096 % 251 + 1
turn = 0
print("ready", flush=True)
while True:
    turn += 1
    for number in range(turn % 97 * 4096, len(memory), 97 * 4096):
        memory[number + 1] = turn % 256
        if memory[number] != number // 4096 % 251 + 1:
            print("wrong", number, flush=True)
            sys.exit(1)
"""


@pytest.mark.skipif(not watches_writes(), reason="this kernel does not watch writes for us")
def test_a_large_writer_stands_still_for_a_part_of_its_move_only(quiet):
    writer = quiet.start("n1", "rove", "run", "--", "python3", "-c", FILL)
    row = wait_for(lambda: (found := only(quiet)) and "64 << 20" in found["command"] and found, "row in ps")
    assert writer.stdout.readline() == "ready\n"
    for to in ("n2", "home", "n2"):
        moved = quiet.json("n1", "move", row["pid"], to, "--freeze", "20ms")
        assert moved["mode"] in ("pre-copy", "hybrid" if to == "n2" else "pre-copy")
        assert moved["freeze_ms"] <= moved["stopped_ms"] < moved["total_ms"]
        assert moved["freeze_ms"] < moved["total_ms"] / 2
    assert writer.poll() is None
    assert quiet.run("n1", "rove", "move", str(row["pid"]), "home", "--freeze", "soon", check=False).returncode == 2
    end(quiet, writer, row)
