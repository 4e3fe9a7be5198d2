# SPDX-License-Identifier: Apache-2.0
"""Tally: counts per mode, and what is printed of each case."""

from modes import MODES


class Tally:
    def __init__(self, verbose, names):
        self.verbose, self.counts, self.order = verbose, {}, []
        self.width = max([len(name) for name in names] + [10])

    def add(self, mode, name, verdict, repeat=""):
        if mode not in self.counts:
            self.counts[mode] = {"passed": 0, "failed": 0, "skipped": 0}
        self.counts[mode][verdict.kind] += 1
        if verdict.kind != "passed" or self.verbose:
            numbers = f"{verdict.moves:3} moves {verdict.seconds:6.2f} s" if mode != "native" else ""
            print(f"{verdict.kind:8}{mode:9}{name:{self.width}} {numbers} {verdict.reason}", flush=True)
        if verdict.kind == "failed" and repeat:
            print(f"        repeat: {repeat}", flush=True)

    def close(self):
        print()
        total = {"passed": 0, "failed": 0, "skipped": 0}
        for mode in ("native", *MODES):
            if count := self.counts.get(mode):
                print(f"{mode:9}" + ", ".join(f"{n} {kind}" for kind, n in count.items() if n or kind != "skipped"))
                for kind, n in count.items():
                    total[kind] += n
        skipped = f", {total['skipped']} skipped" if total["skipped"] else ""
        print(f"{total['passed']} passed, {total['failed']} failed{skipped}", flush=True)
        return 1 if total["failed"] else 0
