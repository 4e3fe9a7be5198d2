# SPDX-License-Identifier: Apache-2.0
"""at_home: what Rove costs a program that never leaves, and a program that only computes."""
import collections
import json
import pathlib
import re
import statistics
import subprocess
import time

from cluster import HOME, HOST, LIMIT_S, ROOT, ROVE, Broken, progress
from figures import Row, quartiles

PAIRS = 20
CPU_PAIRS = 25
SECONDS = 1.0  # of work per run
CPU_SECONDS = 0.3  # of work per visit: short beside the time in which the machine changes its speed


def rounds_for(lab, seconds):
    """How many rounds of work take about that long in a node, when nothing else runs."""
    trial = 50_000_000
    took = []
    for _ in range(3):
        began = time.monotonic()
        lab.run(HOME, lab.program("work"), str(trial))
        took.append(time.monotonic() - began)
    return str(max(1, int(trial * seconds / min(took))))


def mappings(text):
    """How often there is which kind of mapping: addresses and the sizes of stack and heap are chance."""
    found = collections.Counter()
    for line in text.splitlines():
        words = line.split(maxsplit=5)
        name = words[5] if len(words) > 5 else "anonymous"
        low, high = (int(end, 16) for end in words[0].split("-"))
        size = "" if name in ("[heap]", "[stack]") else high - low
        found[(words[1], name, size)] += 1
    return found


def seen_in_proc(lab, native):
    """tracer, filter, mappings and number of descriptors of a program that sleeps."""
    with lab.running(HOME, lab.program("hold"), "1", native=native) as program:
        at = f"/proc/{program.pid}"
        status = dict(re.findall(r"^(\w+):\t(.*)$", lab.run(HOME, "cat", f"{at}/status"), re.M))
        fds = len(lab.run(HOME, "ls", f"{at}/fd").split())
        return {"tracer": int(status["TracerPid"]), "filter": int(status["Seccomp"]), "threads": int(status["Threads"]),
                "maps": mappings(lab.run(HOME, "cat", f"{at}/maps")), "fds": fds}


def foreign(lab):
    """How many things of Rove's a program has that was never away: it must be none."""
    progress("looking at a program that is never away")
    native, here = seen_in_proc(lab, True), seen_in_proc(lab, False)
    extra = here["maps"] - native["maps"]
    things = [f"tracer {here['tracer']}"] * bool(here["tracer"])
    things += [f"seccomp mode {here['filter']}"] * (here["filter"] != native["filter"])
    things += [f"mapping {' '.join(map(str, kind))}" for kind in extra.elements()]
    things += [f"{here['threads'] - native['threads']} threads"] * (here["threads"] != native["threads"])
    things += [f"{here['fds'] - native['fds']} descriptors"] * (here["fds"] != native["fds"])
    return Row("home", "never away: tracer, filter, foreign mappings, threads or descriptors", "found", 0, None, "less",
               [len(things)], notes=things)


def run_times(lab):
    progress(f"{PAIRS} pairs of run times without and with rove run")
    argv = lab.argv(HOME, "python3", str(ROOT / "bench/in_turn.py"), str(PAIRS), ROVE, "run", "--", lab.program("work"),
                    rounds_for(lab, SECONDS))
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, timeout=PAIRS * LIMIT_S)
    if done.returncode:
        raise Broken("a run of the pairs failed; its words are above")
    pairs = json.loads(done.stdout)
    without, with_rove = ([pair[side]["wall"] for pair in pairs] for side in (0, 1))
    used = [statistics.median(pair[side]["cpu"] for pair in pairs) for side in (0, 1)]
    spread = min(high - low for low, high in map(quartiles, (without, with_rove)))
    difference = statistics.median(with_rove) - statistics.median(without)
    own = statistics.median(b - a for a, b in zip(without, with_rove))
    return Row("home", "never away: difference of the medians of 20 runs with and without `rove run` ÷ their spread", "×", 1, None,
               "less", [abs(difference) / spread], strict=True,
               notes=[f"{statistics.median(without):.4f} s without, {statistics.median(with_rove):.4f} s with: {difference * 1000:+.2f} ms; "
                      f"smaller interquartile range {spread * 1000:.2f} ms; median of the differences within pairs {own * 1000:+.2f} ms, "
                      f"of CPU time {(used[1] - used[0]) * 1000:+.2f} ms"])


def spent(comm):
    """CPU seconds of all processes of that name on this machine, by the scheduler's own account: guest and deputy together."""
    total = 0
    for task in pathlib.Path("/proc").glob("[0-9]*/task/[0-9]*"):
        try:
            if (task / "comm").read_text().strip() == comm:
                total += int((task / "schedstat").read_text().split()[0])
        except OSError:
            continue  # it has ended
    return total / 1e9


def cpu_time(lab):
    """Away and home in turn: the same process does the same work."""
    progress(f"{CPU_PAIRS} pairs of CPU time away and at home")
    # A name of its own, by which guest and deputy are found. The kernel keeps 15 characters.
    name = lab.name.replace("bench-", "work-")[:15]
    program = lab.programs / name
    if not program.exists():
        program.symlink_to(lab.programs / "timed_work")
    outside, inside, wall = {HOME: [], HOST: []}, {HOME: [], HOST: []}, {HOME: [], HOST: []}
    with lab.running(HOME, str(program), rounds_for(lab, CPU_SECONDS)) as work:
        work.ask()  # once for the caches and the clock of the CPU
        for number in range(CPU_PAIRS):
            for node in ((HOST, HOME), (HOME, HOST))[number % 2]:
                lab.move(work.pid, node)
                before = spent(name)
                cpu_ns, wall_ns, _ = work.ask()
                outside[node].append(spent(name) - before)
                inside[node].append(cpu_ns / 1e9)
                wall[node].append(wall_ns / 1e9)
                progress(f"  on {node}: {outside[node][-1]:.4f} s, the program says {inside[node][-1]:.4f} s, on the wall {wall[node][-1]:.4f} s")
    if min(outside[HOST]) < 0.2 * min(outside[HOME]):
        raise Broken("the guest's CPU time cannot be seen from outside: no process of its name")
    ratios = [away / home for away, home in zip(outside[HOST], outside[HOME])]
    said = statistics.median(away / home for away, home in zip(inside[HOST], inside[HOME]))
    seen = statistics.median(away / home for away, home in zip(wall[HOST], wall[HOME]))
    return Row("cpu", "CPU time of a fixed work, away ÷ home", "×", 1.02, 1.005, "less", ratios,
               notes=[f"by the scheduler's account of guest and deputy together: {statistics.median(outside[HOST]):.4f} s away, "
                      f"{statistics.median(outside[HOME]):.4f} s at home; as the program's own getrusage sees it {said:.4f}; on the wall {seen:.4f}"])


def rows_home(lab):
    yield foreign(lab)
    yield run_times(lab)


def rows_cpu(lab):
    yield cpu_time(lab)
