# SPDX-License-Identifier: Apache-2.0
"""machine: what has to be held still on the machine while something is measured."""
import contextlib
import os
import pathlib
import re

from cluster import progress

CGROUPS = pathlib.Path("/sys/fs/cgroup")

REPORTING_ORDER = pathlib.Path("/sys/module/page_reporting/parameters/page_reporting_order")
NEVER = "11"  # pages are reported in blocks of 2^order; none is as large


@contextlib.contextmanager
def free_memory_kept():
    """A virtual machine keeps the memory that it has: it gives none of it back to its host (free page reporting), which would have to
    be got again, at a quarter of the rate, by whatever uses it next."""
    try:
        before = REPORTING_ORDER.read_text()
        REPORTING_ORDER.write_text(NEVER)
    except OSError:
        yield  # no such machine
        return
    progress(f"free page reporting is held off ({REPORTING_ORDER.name} {before.strip()} → {NEVER}) until this has been measured")
    try:
        yield
    finally:
        REPORTING_ORDER.write_text(before)


@contextlib.contextmanager
def favoured(lab):
    """Whatever else the machine does gets what the lab's nodes leave: their shares of a core are what is measured. As far as the
    machine's cgroups allow it."""
    before = {}
    for file, weight in ((CGROUPS / "cpu" / f"rove-lab.{lab.name}/cpu.shares", "65536"), (CGROUPS / f"rove-lab.{lab.name}/cpu.weight", "10000")):
        with contextlib.suppress(OSError):
            before[file] = file.read_text()
            file.write_text(weight)
    try:
        yield
    finally:
        for file, text in before.items():
            with contextlib.suppress(OSError):
                file.write_text(text)


def share_queues(lab):
    """The lab's processes share the machine's CPUs as those of one node would. Else each node has a share of its own, and a rank that waits and
    gives up its turn gives it up to others of its node only, of which a machine with a CPU of its own for each node knows nothing."""
    with contextlib.suppress(OSError):
        (CGROUPS / f"rove-lab.{lab.name}/cgroup.subtree_control").write_text("-cpu")
    whole = CGROUPS / "cpu" / f"rove-lab.{lab.name}"
    for group in whole.glob("**/cgroup.procs"):
        for pid in group.read_text().split() if group.parent != whole else []:
            with contextlib.suppress(OSError):  # it has ended
                (whole / "cgroup.procs").write_text(pid)


def running(name):
    """The machine's PIDs of all processes of that name, whatever node they are in."""
    found = set()
    for file in pathlib.Path("/proc").glob("[0-9]*/comm"):
        with contextlib.suppress(OSError):  # it has ended
            if file.read_text().strip() == name[:15]:
                found.add(int(file.parent.name))
    return found


def pin(pid, cpu):
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):  # it has ended
            os.sched_setaffinity(int(task.name), {cpu})


def node_of(pid, lab):
    """The lab's node in which that process of the machine is."""
    with contextlib.suppress(OSError):
        found = re.search(rf"rove-lab\.{re.escape(lab.name)}/(n\d+)", pathlib.Path(f"/proc/{pid}/cgroup").read_text())
        return found and found[1]
