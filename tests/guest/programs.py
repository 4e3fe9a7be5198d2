# SPDX-License-Identifier: Apache-2.0
"""Programs: what stands in this folder, what the first lines of each file say of it, and how it is built.

The second line of a source is `// name: behaviour`. Then may follow, each on a line of its own:
  // libs: -lm            linked with these
  // variants: pie static one test per kind of image: pie nopie static static-pie
  // needs: root kernel>=6.1 cpu=avx2    what the machine must have, else the test is skipped and says so
  // may: stay home       that Rove keeps it at home, with a reason, is no failure
"""

import concurrent.futures
import os
import pathlib
import platform
import re
import shutil
import subprocess
from dataclasses import dataclass, field

FOLDER = pathlib.Path(__file__).resolve().parent
IMAGE_FLAGS = {
    "pie": ["-fPIE", "-pie"],
    "nopie": ["-fno-pie", "-no-pie"],
    "static": ["-static", "-no-pie"],
    "static-pie": ["-static-pie", "-fPIE"],
}


@dataclass
class Program:
    name: str  # "image_kinds@static" for a variant
    source: pathlib.Path
    behaviour: str
    variant: str = "pie"
    libs: list = field(default_factory=list)
    needs: list = field(default_factory=list)
    may_stay: bool = False
    binary: pathlib.Path | None = None


def read_source(path):
    """The programs of one source file: one, or one for each variant."""
    tags, behaviour = {}, ""
    for number, line in enumerate(path.read_text().splitlines()[:12]):
        if number == 1:
            match = re.match(r"// (\w+): (.+)$", line)
            if not match or match.group(1) != path.stem:
                raise SystemExit(f"{path}: the second line must be '// {path.stem}: behaviour'")
            behaviour = match.group(2)
        elif match := re.match(r"// (libs|variants|needs|may): (.+)$", line):
            tags[match.group(1)] = match.group(2).split()
    variants = tags.get("variants", ["pie"])
    return [
        Program(
            name=path.stem if len(variants) == 1 else f"{path.stem}@{variant}",
            source=path,
            behaviour=behaviour,
            variant=variant,
            libs=tags.get("libs", []),
            needs=tags.get("needs", []),
            may_stay=tags.get("may") == ["stay", "home"],
        )
        for variant in variants
    ]


def find(words):
    """All programs whose name contains one of the words; all of them without words."""
    found = []
    for path in sorted([*FOLDER.glob("*.c"), *FOLDER.glob("*.cc")]):
        found += read_source(path)
    return [p for p in found if not words or any(word in p.name for word in words)]


def missing(program):
    """What the machine lacks for this program, as a sentence; None if nothing."""
    for need in program.needs:
        if need == "root" and os.geteuid() != 0:
            return "needs root"
        if match := re.match(r"kernel>=(\d+)\.(\d+)$", need):
            have = tuple(int(n) for n in re.findall(r"\d+", platform.release())[:2])
            if have < (int(match.group(1)), int(match.group(2))):
                return f"needs kernel {match.group(1)}.{match.group(2)}"
        if match := re.match(r"cpu=(\w+)$", need):
            if not re.search(rf"\b{match.group(1)}\b", pathlib.Path("/proc/cpuinfo").read_text()):
                return f"needs a CPU with {match.group(1)}"
        if (match := re.match(r"program=(\S+)$", need)) and not shutil.which(match.group(1)):
            return f"needs {match.group(1)}"
    return None


def build_one(program, folder):
    program.binary = folder / program.variant / program.source.stem
    inputs = [program.source, FOLDER / "guest.h"]
    if program.binary.exists() and all(
        program.binary.stat().st_mtime > path.stat().st_mtime for path in inputs
    ):
        return None
    program.binary.parent.mkdir(parents=True, exist_ok=True)
    compiler = ["g++", "-std=c++20"] if program.source.suffix == ".cc" else ["gcc", "-std=gnu11"]
    command = [*compiler, "-O1", "-g", "-pthread", "-Wall", "-Wextra", *IMAGE_FLAGS[program.variant]]
    command += [str(program.source), "-o", str(program.binary), *program.libs]
    done = subprocess.run(command, capture_output=True, text=True)
    return None if done.returncode == 0 else f"does not compile: {done.stderr}"


def build(programs, folder, jobs):
    """Compiles what is older than its source. Returns pairs of a program that does not compile, and why."""
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        texts = pool.map(lambda p: build_one(p, folder), programs)
        return [(program, text) for program, text in zip(programs, texts) if text]


def index(programs):
    """The table of INDEX.md."""
    lines = [
        "# Behaviours and the tests that check them",
        "",
        "One program per kernel behaviour; `tests/guest/run.py` runs each natively and in every mode of being moved.",
        "Made by `tests/guest/run.py --index`; each row is the second line of the source.",
        "",
        "| behaviour | test |",
        "|---|---|",
    ]
    seen = set()
    for program in programs:
        if program.source.name not in seen:
            seen.add(program.source.name)
            text = program.behaviour.replace("|", "\\|")
            if program.may_stay:
                text += " (may stay home)"
            lines.append(f"| {text} | `{program.source.name}` |")
    return "\n".join(lines) + "\n"
