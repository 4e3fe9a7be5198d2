# SPDX-License-Identifier: Apache-2.0
"""mailbox: messages between two processes, 1 B to 4 MB, ÷ a TCP connection between the same two places.

Three situations: both at one home (the measure is TCP over loopback), at two homes, and both away on different hosts; there also ÷ mailboxes whose
lines go through home. The ways are measured in turn, so that what else the machine does meets all.
"""
import contextlib
import time

from cluster import HOME, HOST, ROVE, progress
from figures import Row

SIZES = ((1, 200), (4 << 10, 200), (64 << 10, 100), (4 << 20, 8))
TURNS = 3
OTHER = "n3"


@contextlib.contextmanager
def partners(lab, here, there, moved_to=(None, None), kind="mailbox"):
    """Two talks by mailbox, and what the first calls the second."""
    with lab.running(here, lab.program("talk"), kind) as one, lab.running(there, lab.program("talk"), kind) as two:
        two.process.stdin.write("address\n")
        two.process.stdin.flush()
        address = two.line()
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


def measure(way, size, rounds):
    """Half a round trip in µs, and MB/s."""
    program, partner = way
    found = sorted(program.ask(f"latency {partner} {size} {rounds}"))
    count = max(16, min(20000, (64 << 20) // size // 4))
    return found[len(found) // 2], program.ask(f"bandwidth {partner} {size} {count}")[0]


def compared(what, box, others):
    """`others`: name → (the other way, limits of latency and bandwidth as ratios)."""
    for size, rounds in SIZES:
        label = f"{size} B" if size < 1024 else f"{size >> 10} KiB" if size < 1 << 20 else f"{size >> 20} MiB"
        ways = {"": box, **{name: way for name, (way, _, _) in others.items()}}
        times = {name: [] for name in ways}
        for turn in range(TURNS):
            for name in list(ways)[::1 if turn % 2 == 0 else -1]:
                times[name].append(measure(ways[name], size, rounds))
        (latency, rate) = sorted(times[""])[TURNS // 2]
        for name, (_, latency_must, bandwidth_must) in others.items():
            late = [mine[0] / theirs[0] for mine, theirs in zip(times[""], times[name])]
            fast = [mine[1] / theirs[1] for mine, theirs in zip(times[""], times[name])]
            other_latency, other_rate = sorted(times[name])[TURNS // 2]
            progress(f"    {what}, {label}: {latency:.1f} µs, {name} {other_latency:.1f}; {rate:.3g} MB/s, {name} {other_rate:.3g}")
            yield Row("mailbox", f"latency, {what}, {label}, ÷ {name}", "×", latency_must, None, "less", late,
                      notes=[f"{latency:.1f} µs one way; {name} {other_latency:.1f} µs"])
            yield Row("mailbox", f"bandwidth, {what}, {label}, ÷ {name}", "×", bandwidth_must, None, "more", fast,
                      notes=[f"{rate:.3g} MB/s; {name} {other_rate:.3g} MB/s"])


def rows_mailbox(lab):
    for what, here, there, musts in (("one home", HOME, HOME, (0.5, 2)), ("two homes", HOME, HOST, (1.1, 0.9))):
        with partners(lab, here, there) as box, connected(lab, here, there, 5200) as tcp:
            yield from compared(what, box, {"TCP": (tcp, *musts)})
    away = (HOST, OTHER)
    with partners(lab, HOME, HOME, away) as box, partners(lab, HOME, HOME, away, "polled") as through_home, \
            connected(lab, *away, 5200) as tcp:
        yield from compared("both away", box, {"TCP": (tcp, 1.1, 0.9), "through home": (through_home, 0.333, 2)})
