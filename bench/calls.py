# SPDX-License-Identifier: Apache-2.0
"""calls: what a forwarded call takes, measured in round trips of the same payload between the same two nodes."""
import statistics

from cluster import HOME, HOST, progress
from figures import Row

PAIRS = 31
COUNT = 1000  # calls or round trips for one median
PORT = 7101
# What a call is compared with: bytes out, bytes back, how many trips.
CALLS = (("lseek(fd, 0, SEEK_CUR)", 64, 64, 1, 1.25, 1.03),
         ("pread 4 KiB", 64, 4096, 1, 1.25, 1.07),
         ("write 4 KiB", 4096, 64, 1, 1.35, 1.12),
         ("open + fstat + close", 64, 64, 3, 1.40, 1.15))
WAITS = ("block", "spin")
SEALED = (1.4, 1.2)  # the limit and the aim of all of them, encrypted


def raw(lab, wait, out, back):
    """ns for one round trip, asked from where the guest is."""
    return float(lab.run(HOST, lab.program("round_trip"), "ask", lab.address[HOME], str(PORT), "-1", wait, str(out), str(back), str(COUNT)))


def rows_encrypted(lab):
    return rows_calls(lab, "encrypted", "forwarded and encrypted", SEALED)


def rows_calls(lab, part="calls", how="forwarded", limits=None):
    payloads = sorted({(out, back) for _, out, back, *_ in CALLS})
    file = lab.programs / "file"
    file.write_bytes(b"r" * 65536)
    trips, calls = {key: [] for key in payloads}, []
    best = {key: [] for key in payloads}
    with lab.running(HOME, lab.program("round_trip"), "serve", str(PORT), "-1", native=True), \
            lab.running(HOME, lab.program("calls"), str(file), str(COUNT), "-1") as program:
        native = program.ask()
        lab.move(program.pid, HOST)
        program.ask()
        progress(f"{PAIRS} pairs of forwarded calls and raw round trips")
        for number in range(PAIRS):
            for which in ((0, 1), (1, 0))[number % 2]:
                if which:
                    calls.append(program.ask())
                else:
                    for key in payloads:
                        both = [raw(lab, wait, *key) for wait in WAITS]
                        trips[key].append(min(both))
                        best[key].append(WAITS[both.index(min(both))])
            progress("  raw " + ", ".join(f"{out}/{back} {trips[out, back][-1] / 1000:.1f}" for out, back in payloads)
                     + " µs; calls " + ", ".join(f"{ns / 1000:.1f}" for ns in calls[-1]) + " µs")
        lab.move(program.pid, HOME)
    for index, (what, out, back, count, must, aim) in enumerate(CALLS):
        ours, theirs = [round_[index] for round_ in calls], [count * ns for ns in trips[out, back]]
        ways = " and ".join(sorted(set(best[out, back])))
        must, aim = limits or (must, aim)
        yield Row(part, f"{how} {what} ÷ {count if count > 1 else ''}{' ' * (count > 1)}raw round trip{'s' * (count > 1)}", "×", must, aim, "less",
                  [a / b for a, b in zip(ours, theirs)],
                  notes=[f"{statistics.median(ours) / 1000:.2f} µs; raw {out} B out and {back} B back{f', {count} times' * (count > 1)} "
                         f"{statistics.median(theirs) / 1000:.2f} µs (the better was: {ways}); natively {native[index] / 1000:.2f} µs; "
                         f"each a median of {COUNT}"])
