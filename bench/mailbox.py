# SPDX-License-Identifier: Apache-2.0
"""mailbox: messages between two processes, 1 B to 4 MB, ÷ a TCP connection between the same two places.

Three situations: both at one home (the measure is TCP over loopback), at two homes, and both away on different hosts, where
every call still goes through home. The two ways are measured in turn, so that what else the machine does meets both.
"""
import contextlib

from cluster import HOME, HOST, ROVE, progress
from figures import Row

SIZES = ((1, 200), (4 << 10, 200), (64 << 10, 100), (4 << 20, 8))
TURNS = 3
OTHER = "n3"


@contextlib.contextmanager
def partners(lab, here, there, moved_to=(None, None)):
    """Two talks by mailbox, and what the first calls the second."""
    with lab.running(here, lab.program("talk"), "mailbox") as one, lab.running(there, lab.program("talk"), "mailbox") as two:
        two.process.stdin.write("address\n")
        two.process.stdin.flush()
        address = two.line()
        tell(two, "serve")
        one.ask(f"latency {address} 1 20")
        for program, node in zip((one, two), moved_to):
            if node:
                lab.run(program.node, ROVE, "move", str(program.pid), node)
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


def compared(what, box, tcp, latency_must, bandwidth_must):
    for size, rounds in SIZES:
        label = f"{size} B" if size < 1024 else f"{size >> 10} KiB" if size < 1 << 20 else f"{size >> 20} MiB"
        late, fast, mine, plain = [], [], [], []
        for turn in range(TURNS):
            times = {}
            for way in ((box, tcp), (tcp, box))[turn % 2]:
                found = sorted(way[0].ask(f"latency {way[1]} {size} {rounds}"))
                count = max(16, min(20000, (64 << 20) // size // 4))
                times[way] = found[len(found) // 2], way[0].ask(f"bandwidth {way[1]} {size} {count}")[0]
            late.append(times[box][0] / times[tcp][0])
            fast.append(times[box][1] / times[tcp][1])
            mine.append(times[box])
            plain.append(times[tcp])
        (latency, rate), (plain_latency, plain_rate) = sorted(mine)[TURNS // 2], sorted(plain)[TURNS // 2]
        progress(f"    {what}, {label}: {latency:.1f} µs, TCP {plain_latency:.1f}; {rate:.0f} MB/s, TCP {plain_rate:.0f}")
        yield Row("mailbox", f"latency, {what}, {label}, ÷ TCP", "×", latency_must, None, "less", late,
                  notes=[f"{latency:.1f} µs one way; TCP {plain_latency:.1f} µs"])
        yield Row("mailbox", f"bandwidth, {what}, {label}, ÷ TCP", "×", bandwidth_must, None, "more", fast,
                  notes=[f"{rate:.0f} MB/s; TCP {plain_rate:.0f} MB/s"])


def rows_mailbox(lab):
    for what, here, there, moved_to, measured, musts in (
            ("one home", HOME, HOME, (None, None), (HOME, HOME), (0.5, 2)),
            ("two homes", HOME, HOST, (None, None), (HOME, HOST), (1.1, 0.9)),
            ("both away", HOME, HOME, (HOST, OTHER), (HOST, OTHER), (1.1, 0.9))):
        with partners(lab, here, there, moved_to) as box, connected(lab, *measured, 5200) as tcp:
            yield from compared(what, box, tcp, *musts)
