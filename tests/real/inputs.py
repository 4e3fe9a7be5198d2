# SPDX-License-Identifier: Apache-2.0
"""Inputs: what programs are given to work on, made the same every time. Each function fills a directory."""

import random
import subprocess
import sys

from program import script


def text_files(work):
    """Five files of words, 60 KB each."""
    (work / "texts").mkdir()
    rng = random.Random(11)
    words = ["".join(rng.choice("etaoinshrdlucmfw") for _ in range(rng.randrange(2, 9))) for _ in range(3000)]
    for n in range(5):
        lines = (" ".join(rng.choice(words) for _ in range(10)) for _ in range(1000))
        (work / "texts" / f"{n}.txt").write_text("\n".join(lines) + "\n")


def big_file(work, size=24_000_000):
    """Half text-like, half random."""
    rng = random.Random(12)
    block = b"".join(rng.choice([b"alpha ", b"beta ", b"gamma\n", rng.randbytes(6)]) for _ in range(60000))
    (work / "big").write_bytes((block * (size // len(block) + 1))[:size])


def small_file(work):
    big_file(work, 3_000_000)


def lines_file(work):
    rng = random.Random(13)
    (work / "lines").write_text("".join(f"{rng.randrange(10**9)} {k % 977} line\n" for k in range(800000)))


def c_source(work):
    made = subprocess.run([sys.executable, script("module.py")], capture_output=True, check=True)
    (work / "module.c").write_bytes(made.stdout)


def makefile(work):
    """The functions of c_source in six units of forty each, a main, and how they are made."""
    c_source(work)
    lines = (work / "module.c").read_text().splitlines()
    units = range(6)
    for n in units:
        body = [f"unsigned unit{n}(unsigned s, unsigned char* p) {{"]
        body += [f"  s += f{k}(s, p);" for k in range(n * 40, n * 40 + 40)]
        text = lines[:3] + lines[3 + n * 40 : 43 + n * 40] + body + ["  return s; }"]
        (work / f"unit{n}.c").write_text("\n".join(text) + "\n")
    calls = " ".join(f"s += unit{n}(s, p);" for n in units)
    protos = " ".join(f"unsigned unit{n}(unsigned, unsigned char*);" for n in units)
    (work / "main.c").write_text(
        f"#include <stdio.h>\n{protos}\nint main(void) {{ unsigned char p[64] = {{7}}; unsigned s = 1; {calls}"
        ' printf("%u\\n", s); return 0; }\n')
    objects = "main.o " + " ".join(f"unit{n}.o" for n in units)
    (work / "Makefile").write_text(
        f"OBJECTS = {objects}\nall: program\n\t./program > answer\n"
        "program: $(OBJECTS)\n\t@$(CC) -o $@ $(OBJECTS)\n%.o: %.c\n\t@$(CC) -O2 -w -c -o $@ $<\n")
