# SPDX-License-Identifier: Apache-2.0
"""mpi: messages between two ranks of Open MPI, 1 B to 4 MB, both moved to different hosts by Rove.

By mailbox (the BTL of plugins/openmpi), ÷ ranks that were started on those two hosts without Rove and talk by TCP, and ÷ the same job over the
sockets of its home. The ways are measured in turn, so that what else the machine does meets all.
"""
import contextlib
import json
import os
import pathlib
import subprocess
import threading
import time

import mailbox
from cluster import ROVE, SOURCES, Broken

HOME, ONE, OTHER = mailbox.HOME, mailbox.ONE, mailbox.OTHER
LAB = mailbox.LAB
# Open MPI does not like to be started by root, who alone can make a lab.
os.environ.update(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")


def build(lab):
    program = lab.program("mpi_pair")
    subprocess.run(["mpicc.openmpi", "-O2", "-o", program, str(SOURCES / "mpi" / "pair.c")], check=True)
    return program


@contextlib.contextmanager
def started(lab, node, *command):
    with lab.running(node, *command, native=True) as job:
        try:
            yield job
        finally:
            job.process.stdin.close()  # the ranks end
            with contextlib.suppress(subprocess.TimeoutExpired):
                job.process.wait(timeout=20)


@contextlib.contextmanager
def moved(lab, program, *words):
    """Two ranks of a job of HOME, on ONE and OTHER."""
    with started(lab, HOME, ROVE, "mpirun", "--stay", *words, "-np", "2", program) as job:
        rows = json.loads(lab.run(HOME, ROVE, "ps", "--json"))
        ranks = sorted(row["pid"] for row in rows if row["command"] == program and row["host"] == HOME)
        if len(ranks) != 2:
            raise Broken(f"there are {len(ranks)} ranks, not two")
        for rank, node in zip(ranks, (ONE, OTHER)):
            lab.run(HOME, ROVE, "move", str(rank), node)
        end = time.monotonic() + 3  # a line finds its better carrier within a second of use
        while time.monotonic() < end:
            job.ask("latency . 1 20")
        yield job, "."


@contextlib.contextmanager
def native(lab, program, directory):
    """Two ranks on ONE and OTHER, by TCP. What Open MPI would have ssh do on OTHER is done from outside of ONE."""
    agent, wish = directory / "agent", directory / "wish"
    os.mkfifo(wish)
    agent.write_text(f'#!/bin/sh\nshift\nprintf "%s\\n" "$*" >{wish}\n')
    agent.chmod(0o755)

    def serve():
        command = wish.read_text().strip().replace("--daemonize", "")
        subprocess.run(lab.argv(OTHER, "sh", "-c", command), stdin=subprocess.DEVNULL, capture_output=True)

    daemon = threading.Thread(target=serve, daemon=True)
    daemon.start()
    network = lab.address[ONE].rsplit(".", 1)[0] + ".0/24"
    settings = {"plm_rsh_agent": agent, "plm_rsh_no_tree_spawn": 1, "pml": "ob1", "btl": "tcp,self",
                "btl_tcp_if_include": network, "oob_tcp_if_include": network}
    words = [str(word) for name, value in settings.items() for word in ("--mca", name, value)]
    with started(lab, ONE, "mpirun", *words, "--host", f"{ONE}:1,{OTHER}:1", "--bind-to", "none", "-np", "2", program) as job:
        job.ask("latency . 1 20")
        yield job, "."
    daemon.join(timeout=20)


def rows_mpi(lab):
    program = build(lab)
    directory = pathlib.Path(program).parent / "native"
    directory.mkdir()
    with moved(lab, program) as by_mailbox, moved(lab, program, "--mca", "btl", "tcp,self") as through_home, \
            native(lab, program, directory) as by_tcp:
        yield from mailbox.compared("ranks on two hosts", by_mailbox, {
            "native TCP": (by_tcp, (1.1, 1.03), (1 / 1.1, 1 / 1.03)),
            "through home": (through_home, (1 / 3, None), (2, None))}, group="mpi")
