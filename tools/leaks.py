#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""leaks: counts what is there, and says what one inventory has that another had not.

usage: leaks.py                 prints the inventory of what this process can see, as JSON
       leaks.py BEFORE AFTER    compares two such files; exit status 1 if something was left

Counted are processes, the descriptors and memory of Rove's own ones, mounts, cgroups, namespaces,
network interfaces, swap, and files where Rove keeps some. Run inside a node it counts that node.
"""
import collections
import json
import os
import pathlib
import re
import sys

OWN = ("rove", "roved", "rove-keeper", "rove-warden", "rove-steward", "rove-lab-init", "rove-init")
KINDS = ("cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts")
PLACES = ("/run/rove", "/run/rove-lab", "/dev/shm")
# Memory is a matter of allocators and caches, so it may differ by this much.
MEMORY_SLACK_KIB = 8192
# What a daemon remembers, of limited size, and what it looks at in the moment in which somebody counts.
KEPT = ("/run/rove/executables",)
LOOKED_AT = re.compile(r"/proc/\d+/task")
NUMBERS = re.compile(r"\[\d+\]|(?<=/proc/)\d+")


def text(path):
    try:
        return pathlib.Path(path).read_text(errors="replace")
    except OSError:
        return ""


def ancestors():
    """This process and those it descends from: they are here because somebody counts."""
    found, pid = set(), os.getpid()
    while pid > 0:
        found.add(pid)
        stat = text(f"/proc/{pid}/stat")
        pid = int(stat.rsplit(")", 1)[1].split()[1]) if stat else 0
    return found - {1}


def processes():
    """pid -> name, without kernel threads and those that count."""
    counting, found = ancestors(), {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) not in counting and text(entry / "maps"):
            found[int(entry.name)] = text(entry / "comm").strip()
    return found


def own(pid, name):
    """Whether it is a process of Rove's, whatever it calls itself."""
    try:
        program = os.path.basename(os.readlink(f"/proc/{pid}/exe")).removesuffix(" (deleted)")
    except OSError:
        program = ""
    return name in OWN or program in OWN


def open_files(pid, name):
    """What each descriptor of the process is, without the numbers that tell two sockets apart."""
    found = []
    try:
        for number in os.listdir(f"/proc/{pid}/fd"):
            target = os.readlink(f"/proc/{pid}/fd/{number}")
            if not LOOKED_AT.fullmatch(target):
                found.append(f"{name} {NUMBERS.sub('', target)}")
    except OSError:
        pass
    return found


def resident_kib(pid):
    pages = text(f"/proc/{pid}/statm").split()[1:2]
    return int(pages[0]) * os.sysconf("SC_PAGESIZE") // 1024 if pages else 0


def namespaces(pids):
    found = set()
    for pid in [*pids, "self"]:
        for kind in KINDS:
            try:
                found.add(os.readlink(f"/proc/{pid}/ns/{kind}"))
            except OSError:
                pass
    return sorted(found)


def tree(place):
    return [os.path.join(base, name) for base, directories, names in os.walk(place) for name in directories + names]


def inventory():
    there = processes()
    ours = [pid for pid, name in there.items() if own(pid, name)]
    descriptors = [what for pid in ours for what in open_files(pid, there[pid])]
    mounts = [line.split() for line in text("/proc/self/mountinfo").splitlines()]
    groups = [path for line in mounts if line[line.index("-") + 1] in ("cgroup", "cgroup2") for path in tree(line[4]) if os.path.isdir(path)]
    return {
        "processes": sorted(name for pid, name in there.items()),
        "rove_processes": len(ours),
        "rove_descriptors": sorted(descriptors),
        "rove_memory_kib": sum(map(resident_kib, ours)),
        "mounts": sorted(f"{line[4]} {line[line.index('-') + 1]}" for line in mounts),
        "cgroups": sorted(set(groups)),
        "namespaces": namespaces(there),
        "interfaces": sorted(os.listdir("/sys/class/net")),
        "swap": sorted(line.split()[0] for line in text("/proc/swaps").splitlines()[1:]),
        "files": sorted(path for place in PLACES for path in tree(place) if path not in KEPT),
    }


def compare(before, after):
    """One line for each thing that is left; empty if nothing is."""
    left = []
    for key, was in before.items():
        now = after[key]
        if key == "rove_memory_kib":
            if now > was + MEMORY_SLACK_KIB:
                left.append(f"{key}: {was} before, {now} after")
        elif isinstance(was, int):
            if now > was:
                left.append(f"{key}: {was} before, {now} after")
        else:
            more = collections.Counter(now) - collections.Counter(was)
            left += [f"{key}: {item}" + (f" ({count} times)" if count > 1 else "") for item, count in more.items()]
    return left


def main(arguments):
    if not arguments:
        print(json.dumps(inventory()))
        return 0
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    left = compare(*(json.loads(pathlib.Path(name).read_text()) for name in arguments))
    print("\n".join(left) or "nothing is left")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
