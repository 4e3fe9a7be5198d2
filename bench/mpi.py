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


def build(lab, name, sources):
    """A program of these files below bench/src/mpi."""
    program = lab.program(f"mpi_{name}")
    files = sorted(str(file) for file in (SOURCES / "mpi").glob(sources))
    subprocess.run(["mpicc.openmpi", "-O2", "-o", program, *files, "-lm"], check=True)
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


def processes(lab, command, home=HOME):
    """The PIDs of a home's processes of that command line."""
    return {row["pid"] for row in json.loads(lab.run(home, ROVE, "ps", "--json")) if row["command"] == " ".join(command)}


@contextlib.contextmanager
def ranks(lab, count, words, *command):
    """A job of HOME, and the PIDs of its ranks."""
    others = processes(lab, command)
    with started(lab, HOME, ROVE, "mpirun", *words, "-np", str(count), *command) as job:
        pids = sorted(processes(lab, command) - others)
        if len(pids) != count:
            raise Broken(f"there are {len(pids)} ranks, not {count}")
        yield job, pids


@contextlib.contextmanager
def moved(lab, program, *words):
    """Two ranks of a job of HOME, on ONE and OTHER."""
    with ranks(lab, 2, ("--stay", *words), program) as (job, pids):
        for pid, node in zip(pids, (ONE, OTHER)):
            lab.run(HOME, ROVE, "move", str(pid), node)
        end = time.monotonic() + 3  # a line finds its better carrier within a second of use
        while time.monotonic() < end:
            job.ask("latency . 1 20")
        yield job, "."


@contextlib.contextmanager
def on_nodes(lab, nodes, directory, settings, *command):
    """A job of a plain mpirun with a rank on each of these nodes. What Open MPI would have ssh do is done from outside of the nodes."""
    gds = "PMIX_MCA_gds=hash"  # no files that ranks and mpirun map together: with these they could not be moved
    directory.mkdir()
    agent = directory / "agent"
    agent.write_text(f'#!/bin/sh\nnode=$1\nshift\nprintf "%s\\n" "$*" >{directory}/$node\n')
    agent.chmod(0o755)

    def serve(node):
        wished = (directory / node).read_text().strip().replace("--daemonize", "")
        subprocess.run(lab.argv(node, "env", gds, "sh", "-c", wished), stdin=subprocess.DEVNULL, capture_output=True)

    daemons = [threading.Thread(target=serve, args=(node,), daemon=True) for node in nodes[1:]]
    for node, daemon in zip(nodes[1:], daemons):
        os.mkfifo(directory / node)
        daemon.start()
    network = lab.address[nodes[0]].rsplit(".", 1)[0] + ".0/24"
    settings = {"plm_rsh_agent": agent, "plm_rsh_no_tree_spawn": 1, "oob_tcp_if_include": network, "btl_tcp_if_include": network,
                "pml": "ob1", **settings}
    words = [str(word) for name, value in settings.items() for word in ("--mca", name, value)]
    with started(lab, nodes[0], "env", gds, "mpirun", *words, "--host", ",".join(f"{node}:1" for node in nodes), "--bind-to", "none",
                 "-np", str(len(nodes)), *command) as job:
        yield job
    for daemon in daemons:
        daemon.join(timeout=20)


@contextlib.contextmanager
def native(lab, program, directory):
    """Two ranks on ONE and OTHER, by TCP."""
    with on_nodes(lab, (ONE, OTHER), directory, {"btl": "tcp,self"}, program) as job:
        job.ask("latency . 1 20")
        yield job, "."


def rows_mpi(lab):
    program = build(lab, "pair", "pair.c")
    directory = pathlib.Path(program).parent / "native"
    with moved(lab, program) as by_mailbox, moved(lab, program, "--mca", "btl", "tcp,self") as through_home, \
            native(lab, program, directory) as by_tcp:
        yield from mailbox.compared("ranks on two hosts", by_mailbox, {
            "native TCP": (by_tcp, (1.1, 1.03), (1 / 1.1, 1 / 1.03)),
            "through home": (through_home, (1 / 3, None), (2, None))}, group="mpi")
