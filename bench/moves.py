# SPDX-License-Identifier: Apache-2.0
"""moves: how fast memory moves compared with a plain stream of bytes, and how long a small program stands still."""
import statistics

from cluster import HOME, HOST, Broken, progress
from figures import Row
from machine import free_memory_kept

SIZES = ((256, 7), (1024, 5))  # MB, pairs
FREEZES = 12
# MB, moves, freeze that must be and that is aimed at: asleep or writing 100 MB/s.
LARGE = ((16, 7, 15, 5), (256, 7, 15, 5), (1024, 5, 15, 5), (4096, 3, 30, 10))
WRITER_MB_S = 100
LATE = ((16, 7), (256, 5), (1024, 3))  # MB, moves
PORT = 7102
# Python as it is has about 8 MB of its own memory.
SLEEPER = ("python3", "-c", "import time\nprint('ready', flush=True)\ntime.sleep(1e6)")
# Of the same size, most of it in one piece that each line makes it write anew.
REWRITER = ("python3", "-c", "import sys\nx = bytearray(5 << 20)\nprint('ready', flush=True)\n"
            "for line in sys.stdin:\n    x[:] = bytes([(x[0] + 1) % 256]) * len(x)\n    print(x[0], flush=True)")


def raw(lab, source, target, size):
    """Bytes per second of a plain stream between two nodes."""
    return float(lab.run(source, lab.program("bandwidth"), "send", lab.address[target], str(PORT), str(size)))


def touched(lab, node, size):
    """Bytes per second of the first and of the second use of so much memory, which the node has from then on."""
    return [float(rate) for rate in lab.run(node, lab.program("touch"), str(size)).split()]


def rows_moves(lab):
    with free_memory_kept(), lab.running(HOME, lab.program("bandwidth"), "serve", str(PORT), native=True), \
            lab.running(HOST, lab.program("bandwidth"), "serve", str(PORT), native=True):
        for size, pairs in SIZES:
            yield from throughput(lab, size, pairs)


def throughput(lab, size, pairs):
    progress(f"{pairs} moves out and back of {size} MB, and plain streams of as much")
    ways = {HOST: ("out", HOME), HOME: ("back", HOST)}
    ratios, rates, plain, freezes, least, uses = ({way: [] for way in ways} for _ in range(6))
    with lab.running(HOME, lab.program("hold"), str(size)) as program:
        for number in range(pairs):
            for target, (_, source) in ways.items():
                first = raw(lab, source, target, size << 20) if number % 2 == 0 else None
                uses[target].append(touched(lab, target, size))
                figures = lab.move(program.pid, target)
                stream = first or raw(lab, source, target, size << 20)
                rate = figures["bytes"] / (figures["total_ms"] / 1000)
                ratios[target].append(rate / stream)
                rates[target].append(rate)
                plain[target].append(stream)
                freezes[target].append(figures["freeze_ms"])
                least[target].append(figures["bytes"])
                progress(f"    raw {stream / 1e9:.2f} GB/s, ratio {rate / stream:.2f}")
    for target, (way, _) in ways.items():
        notes = [f"{statistics.median(rates[target]) / 1e9:.2f} GB/s; raw TCP {statistics.median(plain[target]) / 1e9:.2f} GB/s; "
                 f"freeze {statistics.median(freezes[target]):.0f} ms; memory there, used for the first time and again, "
                 f"{' and '.join(f'{statistics.median(rate) / 1e9:.1f}' for rate in zip(*uses[target]))} GB/s"]
        if min(least[target]) < 0.9 * (size << 20):
            notes.append(f"only {min(least[target]) / 1e6:.0f} MB went over the network")
        yield Row("moves", f"throughput of a whole move, {size} MB asleep, {way}, ÷ raw TCP", "×", 0.8, 0.9, "more", ratios[target], notes=notes)


def freezes(lab, command, work):
    """The moves out and back of a program; with `work` it does what it does for a line, before each of them."""
    found = {HOST: [], HOME: []}
    with lab.running(HOME, *command) as program:
        for _ in range(FREEZES):
            for node in (HOST, HOME):
                if work:
                    program.ask()
                found[node].append(lab.move(program.pid, node))
    return found


def rows_freeze(lab):
    progress(f"{FREEZES} moves out and back of a small python3, and as many of one that writes all its memory in between")
    asleep, rewritten = freezes(lab, SLEEPER, False), freezes(lab, REWRITER, True)
    for moves, what, must, aim in (
            (asleep[HOST], "(python3 asleep), out", 20, 8), (asleep[HOME], "(python3 asleep), back", 10, 4),
            (rewritten[HOME], "that has written all of its memory there (python3), back", 20, 8)):
        yield Row("freeze", f"freeze of a small program {what}", "ms", must, aim, "less", [move["freeze_ms"] for move in moves],
                  notes=[f"{statistics.median(move['bytes'] for move in moves) / 1e6:.1f} MB over the network, "
                         f"{statistics.median(move['total_ms'] for move in moves):.1f} ms in all, most {max(move['freeze_ms'] for move in moves):.1f} ms"])


def standings(lab, size, rate, count):
    """Moves out, and for how long the program stood at most, in ms, as it has seen it itself."""
    moves, stood = [], []
    with lab.running(HOME, lab.program("standing"), str(size), str(rate)) as program:
        for _ in range(count):
            program.ask()
            moves.append(lab.move(program.pid, HOST))
            longest, wrong = program.ask()
            if wrong:
                raise Broken(f"{wrong:.0f} words of its memory are not what it has written")
            stood.append(longest / 1000)
            lab.move(program.pid, HOME)
    return moves, stood


def row_standing(what, must, aim, moves, stood):
    return Row("late", what, "ms", must, aim, "less", stood,
               notes=[f"{', '.join(sorted({move['mode'] for move in moves}))}; {statistics.median(move['bytes'] for move in moves) / 1e6:.1f} MB over the network; "
                      f"freeze {statistics.median(move['freeze_ms'] for move in moves):.1f} ms, "
                      f"{statistics.median(move['total_ms'] for move in moves):.0f} ms until it ran there; it stood {max(stood):.1f} ms at most"])


def rows_late(lab):
    """How long a program stands still that runs at its host before its pages are there."""
    for size, count in LATE:
        progress(f"{count} moves of {size} MB by post-copy, asleep and writing {WRITER_MB_S} MB/s")
        yield row_standing(f"post-copy of {size} MB: first instruction on the target after", 10, 4, *standings(lab, size, 0, count))
        yield row_standing(f"post-copy of {size} MB, writing {WRITER_MB_S} MB/s: it stands for", 30, 10, *standings(lab, size, WRITER_MB_S, count))


def rows_hybrid(lab):
    """The same of one that writes faster than its pages go."""
    for size, count in LATE[1:]:
        progress(f"{count} moves of {size} MB, writing as fast as it can")
        yield row_standing(f"{size} MB, writing faster than they go, as is found best: it stands for", 30, 10, *standings(lab, size, 8000, count))


def rows_large(lab):
    """How long a process of any size stands still when it leaves, asleep or writing."""
    for size, count, must, aim in LARGE:
        if size * 3 << 10 > available_kb():
            progress(f"{size} MB are not measured: the machine has too little memory")
            continue
        for rate in (0, WRITER_MB_S):
            what = f"writing {rate} MB/s" if rate else "asleep"
            progress(f"{count} moves out and back of {size} MB, {what}")
            found = {HOST: [], HOME: []}
            with lab.running(HOME, lab.program("dirty"), str(size), str(rate)) as program:
                for _ in range(count):
                    for node in (HOST, HOME):
                        found[node].append(lab.move(program.pid, node))
            for node, way in ((HOST, "out"), (HOME, "back")):
                moves = found[node]
                yield Row("sizes", f"freeze of {size} MB, {what}, {way}", "ms", must, aim, "less", [move["freeze_ms"] for move in moves],
                          notes=[f"{', '.join(sorted({move['mode'] for move in moves}))}; "
                                 f"{statistics.median(move['bytes'] for move in moves) / 1e6:.1f} MB over the network, "
                                 f"{statistics.median(move['total_ms'] for move in moves):.0f} ms in all, "
                                 f"most {max(move['freeze_ms'] for move in moves):.1f} ms"])
                if size == 1024:
                    yield Row("sizes", f"all stops of a move of {size} MB, {what}, {way}", "ms", 40, None, "less",
                              [move["stopped_ms"] for move in moves])
    yield from second_trip(lab)


def second_trip(lab, size=1024, every=100, rounds=3):
    progress(f"{rounds} times out with {size} MB, and home when one page in {every} has been written")
    ratios, times = [], []
    with lab.running(HOME, lab.program("dirty"), str(size)) as program:
        for _ in range(rounds):
            first = lab.move(program.pid, HOST)
            program.ask(str(every))
            second = lab.move(program.pid, HOME)
            ratios.append(second["bytes"] / first["bytes"])
            times.append(second["total_ms"] / first["total_ms"])
    yield Row("sizes", f"second trip of {size} MB of which 1 % has changed, home, bytes ÷ the first's", "×", 0.05, None, "less", ratios,
              notes=[f"time ÷ the first's {statistics.median(times):.3f}"])


def rows_returns(lab, size=1024, every=100, rounds=5):
    """Out again, when the host still has what it was left with; all first trips are of other processes."""
    progress(f"{rounds} times out with {size} MB, home, and out again when one page in {every} has been written")
    pairs = []
    for _ in range(rounds):
        with free_memory_kept(), lab.running(HOME, lab.program("dirty"), str(size)) as program:
            touched(lab, HOST, size)  # else the first trip would wait for the machine's memory
            first = lab.move(program.pid, HOST)
            lab.move(program.pid, HOME)
            program.ask(str(every))
            pairs.append((first, lab.move(program.pid, HOST)))

    def ratios(figure):
        return [second[figure] / first[figure] for first, second in pairs]

    def middle(which, figure):
        return statistics.median(pair[which][figure] for pair in pairs)
    yield Row("returns", f"second trip of {size} MB of which 1 % has changed, out, time ÷ the first's", "×", 0.05, 0.02, "less", ratios("total_ms"),
              notes=[f"{middle(1, 'total_ms'):.0f} ms after {middle(0, 'total_ms'):.0f} ms; bytes ÷ the first's {statistics.median(ratios('bytes')):.3f}; "
                     f"freeze {middle(1, 'freeze_ms'):.1f} ms"])


def available_kb():
    with open("/proc/meminfo") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("MemAvailable"))
