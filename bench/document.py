# SPDX-License-Identifier: Apache-2.0
"""document: writes docs/benchmarks.md and the plots beside it, from the rows that were measured last."""
import json

from cluster import ROOT, progress
from figures import Row, limit, table

DOCUMENT = ROOT / "docs/benchmarks.md"
PLOTS = ROOT / "docs/bench"
STORE = PLOTS / "rows.json"
GROUPS = {"home": "A program that was never away", "noise": "The daemon at rest", "cpu": "Computing away", "calls": "Forwarded calls", "encrypted": "Forwarded calls, encrypted",
          "moves": "Moving memory", "freeze": "Standing still", "late": "Standing still while pages come late",
          "sizes": "Standing still at any size", "returns": "A second trip", "trees": "Process trees", "compile": "Short jobs on all nodes",
          "mailbox": "Mailboxes", "mailbox_home": "Mailboxes: what they cost the home of processes that are away", "mpi": "Ranks of Open MPI", "kernels": "MPI kernels", "oversubscribed": "An oversubscribed MPI job",
          "storm": "Storms", "uneven": "An uneven job", "pressure": "Memory pressure", "upheaval": "A drain, splits and a death",
          "policy": "The policy, simulated", "gossip": "The gossip, simulated", "gossip_large": "The gossip of 10,000 nodes, simulated", "large": "The simulator itself"}
CRIU = """## CRIU, for information

CRIU 4.2 on the same kind of machine: dump through a page server over the same veth, then restore, images in memory; the program stands still
all the time. Measured beside a prototype of Rove, not in these runs.

| memory | CRIU, all of it frozen (two series) |
|---|---|
| 16 MB | 370 – 483 ms |
| 256 MB | 0.92 – 1.42 s |
| 1 GB | 2.3 – 5.4 s |
"""


def kept():
    """The rows of the last runs; a run of a part replaces only that part."""
    if not STORE.exists():
        return []
    return [Row.from_json(row) for row in json.loads(STORE.read_text())]


def merge(old, new):
    measured = {row.group for row in new}
    return sorted([row for row in old if row.group not in measured] + new, key=lambda row: list(GROUPS).index(row.group))


def write(rows):
    PLOTS.mkdir(parents=True, exist_ok=True)
    STORE.write_text(json.dumps([row.as_json() for row in rows], indent=1, ensure_ascii=False) + "\n")
    drawn = plot(rows)
    DOCUMENT.write_text(text(rows, drawn))
    progress(f"wrote {DOCUMENT.relative_to(ROOT)} and {PLOTS.relative_to(ROOT)}/")


def text(rows, drawn):
    lines = ["# Benchmarks", "", "Written by `./run bench`, which measures all of it again; `./run bench NAME` one part. What each row means, and how",
             "it is measured, stands in `docs/performance.md`. The values are medians of rounds in which Rove and what it is",
             "compared with take turns; the quartiles show how much the rounds differ.", "", *table(rows), ""]
    for group, title in GROUPS.items():
        mine = [row for row in rows if row.group == group]
        if not mine:
            continue
        lines += [f"## {title}", "", "; ".join(f"{key} {value}" for key, value in mine[0].conditions.items()) + ".", ""]
        lines += [f"* {row.what}: {note}." for row in mine for note in row.notes] + [""]
        if group in drawn:
            lines += [f"![{title}](bench/{group}.svg)", ""]
    return "\n".join(lines) + "\n" + CRIU


def plot(rows):
    """One plot per part: each round a dot, the median a bar, what must be and what is aimed at as lines."""
    try:
        import matplotlib
    except ImportError:
        progress("no new plots: python3-matplotlib is not installed")
        return [group for group in GROUPS if (PLOTS / f"{group}.svg").exists()]
    matplotlib.use("svg")
    matplotlib.rcParams.update({"svg.hashsalt": "rove", "svg.fonttype": "none", "font.size": 9})
    from matplotlib import pyplot
    drawn = []
    for group, title in GROUPS.items():
        all_of_it = [row for row in rows if row.group == group]
        # What was measured once is drawn beside its like, but not beside another unit.
        alike = len({row.unit for row in all_of_it}) == 1
        mine = [row for row in all_of_it if len(row.samples) > 1 or (alike and row.samples)]
        if not mine:
            continue
        figure, axes = pyplot.subplots(figsize=(8, 0.9 + 0.6 * len(mine)), layout="constrained")
        for at, row in enumerate(reversed(mine)):
            axes.plot(row.samples, [at] * len(row.samples), "o", color="#2b6cb0", alpha=0.45, markersize=5, markeredgewidth=0)
            axes.plot([row.value] * 2, [at - 0.3, at + 0.3], color="#1a365d", linewidth=2.5)
            for value, colour, style in ((row.must, "#c53030", "-"), (row.aim, "#2f855a", "--")):
                if value is not None:
                    axes.plot([value] * 2, [at - 0.4, at + 0.4], color=colour, linestyle=style, linewidth=1.5)
        axes.set_yticks(range(len(mine)), [f"{row.what}\nmust {limit(row, row.must)}" for row in reversed(mine)])
        axes.set_ylim(-0.6, len(mine) - 0.4)
        axes.set_xlim(left=0 if min(min(row.samples) for row in mine) < 0.8 or mine[0].unit != "×" else None)
        axes.set_xlabel({"×": "ratio"}.get(mine[0].unit, mine[0].unit) + "   (red: must, green: aim, dark: median)")
        axes.grid(axis="x", alpha=0.3)
        axes.set_title(title)
        figure.savefig(PLOTS / f"{group}.svg", metadata={"Date": None})
        pyplot.close(figure)
        drawn.append(group)
    return drawn
