# SPDX-License-Identifier: Apache-2.0
"""A program that counts, and what `rove ps` says of it."""
from conftest import wait_for

COUNT = "import time\nfor i in range(100000):\n print(i, flush=True)\n time.sleep(0.01)\n"


def only(lab, node="n1"):
    rows = lab.json(node, "ps")
    return rows[0] if rows else None


def counting(lab, *options):
    """A program that prints numbers; its ps row, and the process that runs it."""
    program = lab.start("n1", "rove", "run", *options, "--", "python3", "-c", COUNT)
    row = wait_for(lambda: (found := only(lab)) and "-c" in found["command"] and found, "row in ps")
    for number in range(3):
        assert program.stdout.readline() == f"{number}\n"
    return program, row


def end(lab, program, row):
    lab.run("n1", "kill", "-9", str(row["pid"]))
    assert program.wait(timeout=20) != 0
