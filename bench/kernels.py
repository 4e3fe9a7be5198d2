# SPDX-License-Identifier: Apache-2.0
"""kernels: six MPI programs that compute, use memory or talk, with none to all of their four ranks moved; and with one of them moved twenty times.

They are ours, in the manner of the NAS benchmarks EP, CG, MG, IS and FT, and a stencil (bench/src/mpi/kernels), and verify their results. As in
"Process Migration for MPI" each rank begins on a node of its own, and those that are moved go to one where nothing runs. Five jobs of each kernel take
turns, and who has no turn sleeps; the measure of a round is the job of which nobody was moved.

Then one rank of a job of its own is moved out and back while it runs, as in table 2 of that paper.
"""
import contextlib
import dataclasses
import os
import pathlib
import statistics
import tempfile
import time

import mailbox
import mpi
from cluster import BIN, ROVE, Broken, progress
from figures import Row
from machine import node_of, pin, running, share_queues

HOMES, HOSTS = ("n1", "n2", "n3", "n4"), ("n5", "n6", "n7", "n8")
RANKS = len(HOMES)
LAB = {"nodes": len(HOMES + HOSTS), "words": ["--cpus", "0", "--mem", "0", "--rate", "0"]}
ROUNDS = int(os.environ.get("ROVE_KERNELS_ROUNDS", "5"))
RUN_S = float(os.environ.get("ROVE_KERNELS_SECONDS", "2"))
MOVES = 20
MOVING_S = 4 * RUN_S
WANTED = os.environ.get("ROVE_KERNELS", "").split()


@dataclasses.dataclass
class Kernel:
    name: str
    size: int  # see its source
    what: str


KERNELS = (Kernel("ep", 16, "computes"), Kernel("cg", 400_000, "sparse matrix, all-gathers"), Kernel("mg", 128, "memory, neighbours"),
           Kernel("is", 2_000_000, "memory, all to all"), Kernel("ft", 128, "transforms, all to all"), Kernel("stencil", 1024, "neighbours"))


def verified(job, iterations):
    """The numbers of a run: its seconds, and what else the kernel tells."""
    return judged(mailbox.asked(job, str(iterations)))


def judged(answer):
    verdict, *rest = answer.split()
    if verdict != "verified":
        raise Broken(f"a kernel's result is wrong: {' '.join(rest)}")
    return [float(number) for number in rest]


def iterations_for(job, seconds):
    verified(job, 1)  # touches the memory, makes the lines
    count = 1
    while (took := verified(job, count)[0]) < seconds / 4:
        count = max(count + 1, int(count * min(10, seconds / 3 / max(took, 1e-3))))
    return max(1, round(count * seconds / took))


class Job:
    """A job of a kernel with a rank at each home. Ranks share CPUs with the same ones wherever they are."""

    def __init__(self, lab, program, kernel):
        self.lab, self.command = lab, (program, kernel.name, str(kernel.size))
        self.name = pathlib.Path(program).name
        self.directory = pathlib.Path(tempfile.mkdtemp(dir=pathlib.Path(program).parent)) / "launch"

    @contextlib.contextmanager
    def running(self):
        settings = {"btl": "rove,self", "mca_base_component_path": f"SYS_DEFAULT:{BIN.parent / 'lib/rove/openmpi'}", "mpi_yield_when_idle": 1}
        before = {home: mpi.processes(self.lab, self.command, home) for home in HOMES}
        others = running(self.name)
        with mpi.on_nodes(self.lab, HOMES, self.directory, settings, ROVE, "run", "--stay", "--", *self.command) as self.job:
            found = [mpi.processes(self.lab, self.command, home) - before[home] for home in HOMES]
            if any(len(pids) != 1 for pids in found):
                raise Broken(f"there is not one rank at each home: {found}")
            self.pids = [pid for pids in found for pid in pids]
            for rank, home in enumerate(HOMES):
                hold_still(self.lab, {pid for pid in running(self.name) - others if node_of(pid, self.lab) == home}, rank)
            yield self

    def move(self, rank, node):
        others = running(self.name)
        figures = self.lab.move(self.pids[rank], node, HOMES[rank])
        hold_still(self.lab, running(self.name) - others, rank)
        return figures


def hold_still(lab, pids, rank):
    cpus = sorted(os.sched_getaffinity(0))
    for pid in pids:
        pin(pid, cpus[rank % len(cpus)])
    share_queues(lab)


@contextlib.contextmanager
def ready(lab, program, kernel, moved):
    """A job of which so many ranks are moved."""
    with Job(lab, program, kernel).running() as job:
        for rank, node in enumerate(HOSTS[:moved]):
            job.move(rank, node)
        yield job.job


def compared(lab, program, kernel):
    times = {moved: [] for moved in range(RANKS + 1)}
    with contextlib.ExitStack() as stack:
        jobs = {moved: stack.enter_context(ready(lab, program, kernel, moved)) for moved in times}
        for job in jobs.values():
            iterations = iterations_for(job, RUN_S)  # all do some work before it counts
        iterations = iterations_for(jobs[0], RUN_S)
        for turn in range(ROUNDS):
            for moved in list(times)[::1 if turn % 2 == 0 else -1]:
                times[moved].append(verified(jobs[moved], iterations)[0])
            progress(f"    {kernel.name}, round {turn + 1}: " + ", ".join(f"{moved} moved {times[moved][-1]:.3f} s" for moved in times))
    for moved in range(1, RANKS + 1):
        yield Row("kernels", f"{kernel.name.upper()} ({kernel.what}), {moved} of {RANKS} ranks moved ÷ none", "×", 1.05, 1.01, "less",
                  [away / home for away, home in zip(times[moved], times[0])],
                  notes=[f"{statistics.median(times[moved]):.2f} s, none moved {statistics.median(times[0]):.2f} s"])


def resident_mb(lab, node, pid):
    words = lab.run(node, "cat", f"/proc/{pid}/statm").split()
    return int(words[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def moved_meanwhile(lab, program, kernel):
    """One rank out and back again and again, spread over the run."""
    with Job(lab, program, kernel).running() as ranks:
        job = ranks.job
        iterations = iterations_for(job, MOVING_S)
        size, moves, wrong = resident_mb(lab, HOMES[1], ranks.pids[1]), [], []
        before = verified(job, iterations)[0]
        mailbox.tell(job, str(iterations))
        began = time.monotonic()
        for number in range(MOVES):
            time.sleep(max(0, began + before * number / MOVES - time.monotonic()))
            moves.append(ranks.move(1, HOMES[1] if number % 2 else HOSTS[1]))
        behind = time.monotonic() - began
        try:
            took = judged(job.line())[0]
        except Broken as problem:
            wrong.append(str(problem))
            took = float("nan")
        after = verified(job, iterations)[0]
    without = (before + after) / 2
    each = (took - without) / MOVES
    note = (f"{without:.2f} s without, {took:.2f} s with {MOVES} moves: {each * 1e3:.0f} ms for each move of {size:.0f} MB, "
            f"{size / each if each > 0 else float('inf'):.0f} MB/s; a move took {statistics.median(move['total_ms'] for move in moves):.0f} ms, "
            f"froze {statistics.median(move['freeze_ms'] for move in moves):.1f} ms, out {statistics.median(move['bytes'] for move in moves[::2]) / 1e6:.1f} MB, "
            f"back {statistics.median(move['bytes'] for move in moves[1::2]) / 1e6:.1f} MB")
    if behind > took:
        note += f"; the moves took {behind:.1f} s, longer than the run"
    progress(f"    {kernel.name}: {note}")
    return Row("kernels", f"{kernel.name.upper()}, one of {RANKS} ranks moved {MOVES} times meanwhile: wrong results", "", 0, None, "less", [len(wrong)],
               notes=[note, *wrong])


def rows_kernels(lab):
    program = mpi.build(lab, "kernels", "kernels/*.c")
    wanted = [kernel for kernel in KERNELS if not WANTED or kernel.name in WANTED]
    for kernel in wanted:
        progress(f"{kernel.name}: {ROUNDS} rounds with 0 to {RANKS} of {RANKS} ranks moved")
        yield from compared(lab, program, kernel)
    for kernel in wanted:
        yield moved_meanwhile(lab, program, kernel)
