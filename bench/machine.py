# SPDX-License-Identifier: Apache-2.0
"""machine: what has to be held still on the machine while something is measured."""
import contextlib
import pathlib

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
