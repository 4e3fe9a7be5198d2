# SPDX-License-Identifier: Apache-2.0
"""Known: cases that do not pass yet, with what is wrong; run.py skips them unless they are named.

Each line of known.txt is `test modes reason`; modes is a list with commas, or * for all but native.
A case that passes again is a line to delete.
"""
import pathlib

FILE = pathlib.Path(__file__).resolve().parent / "known.txt"


def known():
    """(test, mode or '*') → reason."""
    table = {}
    for line in FILE.read_text().splitlines():
        words = line.split(None, 2)
        if len(words) == 3 and not line.startswith("#"):
            for mode in words[1].split(","):
                table[words[0], mode] = words[2]
    return table


def reason(table, test, mode):
    return table.get((test, mode)) or (table.get((test, "*")) if mode != "native" else None)
