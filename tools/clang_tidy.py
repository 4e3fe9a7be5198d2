#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""clang_tidy: runs clang-tidy on each source, once per content.

usage: clang_tidy.py [--jobs N] [--build DIR] [NAME…]

A source that passed is remembered by a hash over itself, all headers of the tree that it includes,
and .clang-tidy, so a second run costs nothing.
"""
import argparse
import concurrent.futures
import hashlib
import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def closure(path, seen=None):
    """path and every header of the tree that it includes, directly or not."""
    seen = {} if seen is None else seen
    if path in seen or not path.is_file():
        return seen
    text = path.read_text(errors="replace")
    seen[path] = text
    for name in re.findall(r'^\s*#\s*include\s+"([^"]+)"', text, re.M):
        closure(ROOT / "src" / name, seen)
    return seen


def fingerprint(path):
    digest = hashlib.sha256((ROOT / ".clang-tidy").read_bytes())
    for name, text in sorted(closure(path).items()):
        digest.update(f"{name.relative_to(ROOT)}\0{text}\0".encode())
    return digest.hexdigest()


def sources(build):
    """The sources of src/ and bench/ in the compilation database, without the generated ones."""
    commands = json.loads((build / "compile_commands.json").read_text())
    found = {pathlib.Path(entry["file"]).resolve() for entry in commands}
    return sorted(path for path in found if path.suffix == ".cc" and ROOT / "src" in path.parents)


def check(path, build, stamps):
    """Problems of one source, as text; empty if it is clean."""
    stamp = stamps / fingerprint(path)
    if stamp.exists():
        return ""
    done = subprocess.run(["clang-tidy", "--quiet", "-p", str(build), "--extra-arg=-Wno-unknown-warning-option",
                           "--extra-arg=-Wno-unused-command-line-argument", str(path)],
                          capture_output=True, text=True, timeout=600)
    if done.returncode == 0:
        stamp.touch()
        return ""
    wanted = [line for line in done.stdout.splitlines() if re.search(r": (error|warning): ", line)]
    return "\n".join(wanted) or done.stdout[-2000:] + done.stderr[-2000:]


def run(build, jobs, names):
    """(number of clean sources, [(path, problems)])"""
    stamps = build / "clang-tidy-passed"
    stamps.mkdir(exist_ok=True)
    chosen = [path for path in sources(build) if not names or any(name in str(path) for name in names)]
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        results = list(pool.map(lambda path: (path, check(path, build, stamps)), chosen))
    bad = [(path.relative_to(ROOT), problems) for path, problems in results if problems]
    return len(results) - len(bad), bad


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    passed, bad = run(options.build.resolve(), options.jobs, options.names)
    for _, problems in bad:
        print(problems)
    print(f"{passed} passed, {len(bad)} failed")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
