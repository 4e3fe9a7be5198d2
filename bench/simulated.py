# SPDX-License-Identifier: Apache-2.0
"""simulated: the policy and the gossip in the simulator: rows with limits, and a comparison of all policies.

No lab is needed and nothing is timed but the simulator itself, so a busy machine changes no figure. A sample is a seed.
"""
import json
import math
import subprocess

from cluster import ROOT, Broken, progress
from figures import Row, number

SIM = ROOT / "build/bin/rove-sim"
SCENARIOS = ROOT / "scenarios"
DOCUMENT = ROOT / "docs/simulation.md"
RULES = {"mosix": "MOSIX rule", "opportunity": "opportunity cost"}
# The scenarios of the comparison; a log that is not there is left out. swf_lublin takes an hour and is not among them.
COMPARED = ("random_64", "random_256", "one_home", "batch_64", "unequal", "oversubscribed", "memory", "swf_nasa")
COLUMNS = ("none", "round_robin", "random", "central", "mosix", "opportunity")


def simulate(*arguments):
    """The rows that the simulator prints; a scenario that is not met is a row like any other here."""
    done = subprocess.run([SIM, "--json", *map(str, arguments)], capture_output=True, text=True, cwd=ROOT, timeout=4 * 3600)
    if done.returncode not in (0, 1):
        raise Broken(f"rove-sim: {done.stderr.strip()}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def runs(scenario, policy, count):
    progress(f"  {scenario}, {policy}, {count} seeds")
    return [row for row in simulate(SCENARIOS / f"{scenario}.toml", "--policy", policy, "--runs", count) if row["policy"] == policy]


def to_fair(done):
    """Who does not know the sizes cannot always reach the bound: one long process among many is the last to end."""
    return "÷ what one that shares all cores fairly and for nothing needs: " + ", ".join(number(row["fair_makespan_ratio"]) for row in done)


def rows_policy(_):
    for rule, title in RULES.items():
        for nodes, count in ((64, 5), (256, 3), (1024, 2)):
            done = runs(f"random_{nodes}", rule, count)
            notes = [f"{done[0]['jobs']} processes, {done[0]['moves']:.0f} moves and {done[0]['placed_away']:.0f} starts elsewhere with the first seed"]
            yield Row("policy", f"{nodes} nodes, {title}: mean slowdown ÷ all-knowing with free, instant moves", "×", 1.05, 1.02, "less",
                      [row["slowdown_ratio"] for row in done], notes=notes)
            yield Row("policy", f"{nodes} nodes, {title}: makespan ÷ max(longest, total ÷ capacity)", "×", 1.05, 1.02, "less",
                      [row["makespan_ratio"] for row in done])
        done = runs("batch_64", rule, 3)
        yield Row("policy", f"a batch of 1,280 on 64 nodes, {title}: makespan ÷ max(longest, total ÷ capacity)", "×", 1.05, 1.02, "less",
                  [row["makespan_ratio"] for row in done], notes=[to_fair(done)])
        yield Row("policy", f"one idle node joins 100 crowded ones, {title}: processes above its fair share", "", 1, None, "less",
                  [row["joined_over_share"] for row in runs("flood", rule, 3)])
        useless = [row["moves"] - needed for scenario, needed in (("one_process", 0), ("three_processes", 1), ("peaks", 0))
                   for row in runs(scenario, rule, 3)]
        yield Row("policy", f"one process, three processes, short peaks, {title}: useless moves", "", 0, None, "less", useless)
        lost = [row["lost_elsewhere"] + row["unfinished"] for scenario in ("failures", "gossiped_failures") for row in runs(scenario, rule, 3)]
        yield Row("policy", f"a death, a drain, a split, under load, {title}: lost that was not on the dead node", "", 0, None, "less", lost)


def rows_gossip(_):
    for dead in (False, True):
        for nodes in (64, 256, 1000):
            yield from rows_of_ages("gossip", nodes, dead, (1, 2, 3))
    for nodes in (64, 256):
        yield from rows_of_false_alarms(nodes, (1, 2, 3))


def rows_gossip_large(_):
    """Twenty entries a message would make the oldest 40 minutes old there, and take as long to simulate."""
    yield from rows_of_ages("gossip_large", 10000, False, (1,), "--window", 200)
    yield from rows_of_ages("gossip_large", 5000, True, (1,), "--window", 200)


def rows_of_ages(group, nodes, dead, seeds, *more):
    """`nodes` live; with `dead` as many again do not."""
    progress(f"  gossip, {nodes} nodes{', as many dead' if dead else ''}")
    done = [trial for seed in seeds for trial in simulate("--gossip", nodes, "--seed", seed, *(["--half-dead"] if dead else []), *more)]
    which = f"{nodes} nodes{f', {nodes} more are dead' if dead else ''}"
    for figure in ("average", "maximum"):
        yield Row(group, f"{which}: {figure} age, difference from theory", "", 0.1, 0.03, "less",
                  [abs(trial[figure] / trial[f"{figure}_by_theory"] - 1) for trial in done],
                  notes=[f"{number(done[0][figure])} steps, by theory {number(done[0][f'{figure}_by_theory'])}; window {done[0]['window']}"])
    yield Row(group, f"{which}: steps until all know a death ÷ 2 log2 N", "×", 1, None, "less",
              [trial["death_steps"] / trial["death_limit_steps"] for trial in done],
              notes=[f"{number(done[0]['death_steps'])} of {number(2 * math.log2(nodes))} steps"])


def rows_of_false_alarms(nodes, seeds):
    for which, must, words in (("a twentieth of all datagrams lost", 0, ("--loss", 0.05)), ("one silent for 2 s now and then", 0, ("--pause", 2)),
                               ("a fifth of all datagrams lost", 0.1, ("--loss", 0.2))):
        progress(f"  false alarms, {nodes} nodes, {which}")
        done = [alarms for seed in seeds for alarms in simulate("--false-alarms", nodes, *words, "--seed", seed)]
        hours = sum(alarms["seconds"] for alarms in done) * nodes / 3600
        yield Row("gossip", f"{nodes} nodes, {which}: how often a node takes one for dead that lives", "a node and hour", must, None, "less",
                  [sum(alarms["dead"] for alarms in done) / hours],
                  notes=[f"{hours:.0f} hours of nodes; suspicions, which the suspect refutes: "
                         f"{number(sum(alarms['suspicions'] for alarms in done) / hours)} a node and hour"])


def rows_large(_):
    done = simulate(SCENARIOS / "large.toml")[-1]
    notes = [f"{done['nodes']} nodes, {done['jobs']} processes; {done['wall_s'] / 60:.1f} minutes by the clock; mean slowdown ÷ all-knowing "
             f"{number(done['slowdown_ratio'])}"]
    yield Row("large", "the simulator: 10,000 nodes, a million processes, CPU time", "min", 10, None, "less", [done["cpu_s"] / 60], notes=notes)
    yield Row("large", "the simulator: 10,000 nodes, a million processes, memory", "GiB", 12, None, "less", [done["peak_gib"]])


def compare():
    """Writes docs/simulation.md: what each policy does in each scenario."""
    lines = ["# Policies compared", "", "Written by `./run bench compare`: the scenarios of `scenarios/` in the simulator, first seed. Mean slowdown: how much longer a process",
             "took than alone on a reference core. *All-knowing*: the cluster as one machine that shares its cores fairly, which is what a central policy",
             "could do that knows all loads at each instant and moves for nothing. *End*: when the last process ended ÷ the bound that no schedule can",
             "beat, max(longest, total ÷ capacity).", ""]
    found = {}
    for scenario in COMPARED:
        progress(f"  comparing in {scenario}")
        try:
            rows = simulate(SCENARIOS / f"{scenario}.toml")
        except Broken as missing:
            progress(f"  left out: {missing}")
            continue
        found[scenario] = {row["policy"]: row for row in rows}
    for title, figure, bound in (("Mean slowdown", "slowdown", "fair_slowdown"), ("End", "makespan_ratio", None), ("Moves", "moves", None)):
        lines += [f"## {title}", "", "| scenario | " + " | ".join(COLUMNS) + (" | all-knowing |" if bound else " |"),
                  "|---" * (len(COLUMNS) + 1 + bool(bound)) + "|"]
        for scenario, rows in found.items():
            cells = [number(rows[column][figure]) if column in rows else "–" for column in COLUMNS]
            lines.append(f"| {scenario} | " + " | ".join(cells + ([number(rows["bounds"][bound])] if bound else [])) + " |")
        lines.append("")
    if plot(found):
        lines += ["![Mean slowdown ÷ all-knowing](bench/policies.svg)", ""]
    DOCUMENT.write_text("\n".join(lines))
    progress(f"wrote {DOCUMENT.relative_to(ROOT)}")


def plot(found):
    try:
        import matplotlib
    except ImportError:
        return False
    matplotlib.use("svg")
    matplotlib.rcParams.update({"svg.hashsalt": "rove", "svg.fonttype": "none", "font.size": 9})
    from matplotlib import pyplot
    figure, axes = pyplot.subplots(figsize=(9, 4), layout="constrained")
    wide = 0.8 / len(COLUMNS)
    for at, column in enumerate(COLUMNS):
        places = [place + (at - len(COLUMNS) / 2 + 0.5) * wide for place, rows in enumerate(found.values()) if column in rows]
        values = [rows[column]["slowdown"] / rows["bounds"]["fair_slowdown"] for rows in found.values() if column in rows]
        axes.bar(places, values, wide, label=column)
    axes.set_yscale("log")
    axes.axhline(1.05, color="#c53030", linewidth=1)
    axes.set_xticks(range(len(found)), [scenario.replace("_", " ") for scenario in found], rotation=20)
    axes.set_ylabel("mean slowdown ÷ all-knowing")
    axes.legend(ncol=3)
    figure.savefig(ROOT / "docs/bench/policies.svg", metadata={"Date": None})
    pyplot.close(figure)
    return True
