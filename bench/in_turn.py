#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""in_turn: runs inside a node: a command without and with a prefix, in turn.

usage: in_turn.py PAIRS PREFIX-WORDS -- COMMAND…    prints a JSON array of [without, with], each {wall, cpu} in seconds

The order within a pair changes from pair to pair, so that neither side always follows the other.
"""
import json
import os
import subprocess
import sys
import time


def seconds(command):
    began = time.monotonic()
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit(f"{command[0]} ended with {child.returncode}")
    return {"wall": time.monotonic() - began, "cpu": used.ru_utime + used.ru_stime}


def main(pairs, *words):
    split = words.index("--")
    plain, prefixed = list(words[split + 1:]), [*words[:split], "--", *words[split + 1:]]
    found = []
    for number in range(int(pairs)):
        both = [None, None]
        for which in ((0, 1), (1, 0))[number % 2]:
            both[which] = seconds((plain, prefixed)[which])
        found.append(both)
        print(f"bench:   pair {number + 1}: {both[0]['wall']:.3f} s without, {both[1]['wall']:.3f} s with", file=sys.stderr, flush=True)
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
