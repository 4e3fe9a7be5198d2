# SPDX-License-Identifier: Apache-2.0
"""mailbox: messages between two processes, 1 B to 4 MB, ÷ a TCP connection between the same two places.

Both away on different hosts, with the direct path, and there also ÷ mailboxes whose lines go through home; both away on the same host, and at
one home (the measure is TCP over loopback); at two homes. The ways are measured in turn, so that what else the machine does meets all.

Then 2 to 16 processes of one home, all of them away, talk in a ring and all with all, and what home's processes use meanwhile is counted.
"""
import contextlib
import os
import time

from cluster import ROVE, progress
from figures import Row

SIZES = ((1, 400), (4 << 10, 400), (64 << 10, 200), (4 << 20, 16))
TURNS = 5
HOME, ONE, OTHER, SHARED = "n1", "n2", "n3", "n4"
CROWDS = (2, 4, 8, 16)
CROWD_S = 4

_cpus = sorted(os.sched_getaffinity(0))
# The ends of a line between two hosts are on different CPUs; what is on one host, or at home, may run on any.
LAB = {"nodes": 4, "words": ["--cpus", "0", "--mem", "0", "--rate", "0", "--node", f"{ONE}:cpuset={_cpus[-1]}",
                             "--node", f"{OTHER}:cpuset={_cpus[0]}"]}


@contextlib.contextmanager
def partners(lab, here, there, moved_to=(None, None), kind="mailbox"):
    """Two talks by mailbox, and what the first calls the second."""
    with lab.running(here, lab.program("talk"), kind) as one, lab.running(there, lab.program("talk"), kind) as two:
        address = asked(two, "address")
        tell(two, "serve")
        one.ask(f"latency {address} 1 20")
        for program, node in zip((one, two), moved_to):
            if node:
                lab.run(program.node, ROVE, "move", str(program.pid), node)
        # A line finds its better carrier within a second of use.
        end = time.monotonic() + 3
        while time.monotonic() < end:
            one.ask(f"latency {address} 1 20")
        yield one, address


@contextlib.contextmanager
def connected(lab, here, there, port):
    with lab.running(there, lab.program("talk"), "tcp", str(port), native=True) as two, \
            lab.running(here, lab.program("talk"), "tcp", "0", native=True) as one:
        tell(two, "serve")
        two.expect("listening")
        address = f"{'127.0.0.1' if here == there else lab.address[there]}:{port}"
        one.ask(f"latency {address} 1 20")
        yield one, address


def tell(program, line):
    program.process.stdin.write(line + "\n")
    program.process.stdin.flush()


def asked(program, line):
    tell(program, line)
    return program.line()


def measure(way, size, rounds):
    """Half a round trip in µs, and MB/s."""
    program, partner = way
    found = sorted(program.ask(f"latency {partner} {size} {rounds}"))
    count = max(16, min(20000, (256 << 20) // size // 4))
    return found[len(found) // 2], program.ask(f"bandwidth {partner} {size} {count}")[0]


def compared(what, box, others, group="mailbox"):
    """`others`: name → (the other way, limits and aims of latency and bandwidth as ratios)."""
    for size, rounds in SIZES:
        label = f"{size} B" if size < 1024 else f"{size >> 10} KiB" if size < 1 << 20 else f"{size >> 20} MiB"
        ways = {"": box, **{name: way for name, (way, *_) in others.items()}}
        times = {name: [] for name in ways}
        for turn in range(TURNS):
            for name in list(ways)[::1 if turn % 2 == 0 else -1]:
                times[name].append(measure(ways[name], size, rounds))
        latency, rate = middle(times[""])
        for name, (_, late_limits, fast_limits) in others.items():
            late = [mine[0] / theirs[0] for mine, theirs in zip(times[""], times[name])]
            fast = [mine[1] / theirs[1] for mine, theirs in zip(times[""], times[name])]
            other_latency, other_rate = middle(times[name])
            progress(f"    {what}, {label}: {latency:.1f} µs, {name} {other_latency:.1f}; {rate:.3g} MB/s, {name} {other_rate:.3g}")
            yield Row(group, f"latency, {what}, {label}, ÷ {name}", "×", *late_limits, "less", late,
                      notes=[f"{latency:.1f} µs one way; {name} {other_latency:.1f} µs"])
            yield Row(group, f"bandwidth, {what}, {label}, ÷ {name}", "×", *fast_limits, "more", fast,
                      notes=[f"{rate:.3g} MB/s; {name} {other_rate:.3g} MB/s"])


def middle(pairs):
    return tuple(sorted(values)[len(values) // 2] for values in zip(*pairs))


def used_by(lab, node):
    """CPU seconds of each process in that node, by PID."""
    script = 'for p in /proc/[0-9]*; do [ "${p#/proc/}" = $$ ] || echo ${p#/proc/} $(cat $p/task/*/schedstat 2>/dev/null); done'
    used = {}
    for line in lab.run(node, "sh", "-c", script).splitlines():
        pid, *numbers = line.split()
        used[pid] = sum(int(number) for number in numbers[::3]) / 1e9
    return used


@contextlib.contextmanager
def crowd(lab, count):
    """Processes of one home on three hosts in turn, each of which knows all others."""
    with contextlib.ExitStack() as stack:
        members = [stack.enter_context(lab.running(HOME, lab.program("crowd"))) for _ in range(count)]
        addresses = [asked(member, "address") for member in members]
        for at, member in enumerate(members):
            for other in addresses[at + 1:] + addresses[:at]:
                tell(member, f"peer {other}")
        for at, member in enumerate(members):
            lab.run(HOME, ROVE, "move", str(member.pid), (ONE, OTHER, SHARED)[at % 3])
        yield members


def talk(members, pattern, rounds):
    for member in members:
        tell(member, f"{pattern} 1024 {rounds}")
    return max(float(member.line()) for member in members)


def share_of_home(lab, act):
    """What home's processes use of a core meanwhile, %, and what `act` answers."""
    before, began = used_by(lab, HOME), time.monotonic()
    answer = act()
    after, wall = used_by(lab, HOME), time.monotonic() - began
    return 100 * sum(after[pid] - before[pid] for pid in after if pid in before) / wall, answer


def rows_crowd(lab):
    for count in CROWDS:
        with crowd(lab, count) as members:
            for pattern in ("ring", "all"):
                rate = 200 / max(talk(members, pattern, 200), 1e-3)
                end = time.monotonic() + 3  # until all lines have their better carriers
                while time.monotonic() < end:
                    rate = max(20, 200 / max(talk(members, pattern, 200), 1e-3))
                busy, silent, sent, rounds = [], [], 0, int(rate * CROWD_S)
                for _ in range(3):
                    silent.append(share_of_home(lab, lambda: time.sleep(CROWD_S))[0])
                    share, took = share_of_home(lab, lambda pattern=pattern, rounds=rounds: talk(members, pattern, rounds))
                    busy.append(share)
                    sent += rounds * count * (1 if pattern == "ring" else count - 1) / took / 3
                what = f"{count} that are away talk, {'in a ring' if pattern == 'ring' else 'all with all'}"
                rest = sorted(silent)[1]
                progress(f"    {what}: home uses {sorted(busy)[1]:.2f} % of a core, {rest:.2f} in silence; {sent:.0f} messages a second")
                yield Row("mailbox_home", f"home's processes while {what}", "% of a core", 1, None, "less", busy, strict=True,
                          notes=[f"{rest:.2f} % while they are silent; {sent:.0f} messages of 1 KiB a second"])
                yield Row("mailbox_home", f"of it for messages, {what}", "% of a core", 1, None, "less",
                          [max(0, one - other) for one, other in zip(busy, silent)], strict=True)


def rows_mailbox(lab):
    direct = ((1.1, 1.03), (1 / 1.1, 1 / 1.03))
    together = ((0.5, 0.2), (2, 5))
    away, same = (ONE, OTHER), (SHARED, SHARED)
    with partners(lab, HOME, HOME, away) as box, partners(lab, HOME, HOME, away, "polled") as through_home, \
            connected(lab, *away, 5200) as tcp:
        yield from compared("both away", box, {"TCP": (tcp, *direct), "through home": (through_home, (1 / 3, None), (2, None))})
    with partners(lab, HOME, HOME, same) as box, connected(lab, *same, 5200) as tcp:
        yield from compared("both away on one host", box, {"TCP on loopback": (tcp, *together)})
    with partners(lab, HOME, HOME) as box, connected(lab, HOME, HOME, 5200) as tcp:
        yield from compared("both at one home", box, {"TCP on loopback": (tcp, *together)})
    with partners(lab, ONE, OTHER) as box, connected(lab, ONE, OTHER, 5200) as tcp:
        yield from compared("at two homes", box, {"TCP": (tcp, *direct)})
    yield from rows_crowd(lab)
