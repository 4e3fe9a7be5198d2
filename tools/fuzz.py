#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""fuzz: builds and runs the libFuzzer targets of tests/fuzz.

usage: fuzz.py [--jobs N] [NAME] [SECONDS]

Each target starts from its committed corpus and keeps what it finds in the build directory. An
input that breaks a target is kept there, too, and the line that repeats it is printed; copy the input into
the corpus together with the fix.
"""
import argparse
import concurrent.futures
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def targets(name=""):
    return [path.stem for path in sorted((ROOT / "tests/fuzz").glob("*.cc")) if name in path.stem]


def build(chosen, jobs, directory):
    """Configures and builds; the compiler's words if that fails."""
    if not (directory / "build.ninja").exists():
        done = subprocess.run(["cmake", "--preset", "fuzz", "-B", str(directory)], cwd=ROOT, capture_output=True, text=True)
        if done.returncode:
            return done.stdout + done.stderr
    done = subprocess.run(["ninja", "--quiet", "-C", str(directory), "-j", str(jobs), *(f"fuzz_{name}" for name in chosen)],
                          capture_output=True, text=True)
    return done.stdout[-4000:] if done.returncode else ""


def run(name, seconds, directory):
    """(passed, what to show) of one target."""
    work = directory / "fuzz-work" / name
    found, broken = work / "found", work / "broken-"
    found.mkdir(parents=True, exist_ok=True)
    corpus = ROOT / "tests/fuzz/corpus" / name
    program = directory / "fuzz" / f"fuzz_{name}"
    command = [str(program), f"-max_total_time={seconds}", "-timeout=5", "-rss_limit_mb=1024", "-malloc_limit_mb=256",
               "-print_final_stats=1", "-verbosity=0", f"-artifact_prefix={broken}", str(found)]
    if corpus.is_dir():
        command.append(str(corpus))
    before = set(work.glob("broken-*"))
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 120, errors="replace")
    if done.returncode == 0:
        runs = next((line.split()[-1] for line in done.stderr.splitlines() if "number_of_executed_units" in line), "?")
        return True, f"{runs} inputs"
    kept = sorted(set(work.glob("broken-*")) - before)
    repeat = f"repeat with: {program} {kept[0]}" if kept else f"repeat with: {' '.join(command)}"
    return False, done.stderr[-3000:] + "\n" + repeat


def replay(name, directory):
    """(passed, what to show) of one target of an ordinary build, on its committed corpus."""
    program, corpus = directory / "fuzz" / f"fuzz_{name}", ROOT / "tests/fuzz/corpus" / name
    command = [str(program), *([str(corpus)] if corpus.is_dir() else [])]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, errors="replace")
    except (OSError, subprocess.TimeoutExpired) as problem:
        return False, str(problem)
    return done.returncode == 0, done.stdout if done.returncode == 0 else f"ended with {done.returncode} at\n{done.stderr[-1000:]}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build-fuzz")
    parser.add_argument("words", nargs="*", metavar="NAME or SECONDS")
    options = parser.parse_args()
    seconds = next((int(word) for word in options.words if word.isdigit()), 10)
    names = [word for word in options.words if not word.isdigit()] or [""]
    chosen = sorted({name for word in names for name in targets(word)})
    if not chosen:
        print(f"fuzz: no target's name contains '{names[0]}'", file=sys.stderr)
        return 2
    directory = options.build.resolve()
    if problem := build(chosen, options.jobs, directory):
        print(problem, file=sys.stderr)
        return 1
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for name, (good, text) in zip(chosen, pool.map(lambda name: run(name, seconds, directory), chosen)):
            print(f"fuzz {name}: {'ok, ' if good else 'FAILED '}{text}", flush=True)
            failed += not good
    print(f"{len(chosen) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
