# SPDX-License-Identifier: Apache-2.0
"""Fixtures: a lab of three nodes, of which n2 is a virtual machine with another kernel and another CPU."""
import pathlib
import shutil
import sys

import pytest

TREE = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TREE / "tests/cluster"), str(TREE / "tests/vm")]
from machine import Kernel, Machine  # noqa: E402

import importlib.util  # noqa: E402

_spec = importlib.util.spec_from_file_location("cluster_conftest", TREE / "tests/cluster/conftest.py")
cluster = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(cluster)


@pytest.fixture(scope="session")
def mixed():
    """The lab, and its machine."""
    if not shutil.which("qemu-system-x86_64"):
        pytest.skip("there is no emulator; `./run test vm` installs it")
    rove = cluster.os.environ.get("ROVE", TREE / "build/bin/rove")
    lab = cluster.Lab(pathlib.Path(rove).resolve())
    machine = None
    try:
        lab.up("--nodes", "3", "--cpus", "0", "--mem", "0")
        machine = Machine(lab, "n2", Kernel(TREE / "build/vm"))
        cluster.wait_for(lambda: any(row["name"] == "n2" and row["state"] == "up" for row in lab.json("n1", "nodes")), "n2 that is up", 120)
        yield lab, machine
    finally:
        if machine:
            machine.stop()
        lab.down()
