#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""testall: runs the suites in order and sums them up.

usage: testall.py [--jobs N] [quick | list | NAME…]

`quick` is what needs no lab. NAME chooses the tests whose name contains it, over all suites; the
names of the suites (unit, corpus, tidy, clang-tidy, headers, asan, tsan, fuzz, guest, late, encrypted, hybrid, cluster, daemon, users, failure, confined, balance, cores, trees, debug, mailbox, mpi, mpi_programs, leaks, fault, real, world, vm) choose whole suites.
The last line is `N passed, N failed`, with `, N skipped` if tests were skipped; the reason of each
skip and the line that repeats each failure stand above it.
"""
import argparse
import concurrent.futures
import dataclasses
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import clang_tidy  # noqa: E402
import fuzz  # noqa: E402
import interruption  # noqa: E402
import tidy  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"


@dataclasses.dataclass
class Outcome:
    passed: int = 0
    failures: list = dataclasses.field(default_factory=list)  # (name, what was seen, line that repeats it)
    skips: list = dataclasses.field(default_factory=list)  # (name, reason)
    # Failures and skips that a suite has counted and shown by itself.
    failed_elsewhere: int = 0
    skipped_elsewhere: int = 0

    def add(self, other):
        self.passed += other.passed
        self.failures += other.failures
        self.skips += other.skips
        self.failed_elsewhere += other.failed_elsewhere
        self.skipped_elsewhere += other.skipped_elsewhere

    def failed(self):
        return len(self.failures) + self.failed_elsewhere

    def skipped(self):
        return len(self.skips) + self.skipped_elsewhere

    def line(self):
        text = f"{self.passed} passed, {self.failed()} failed"
        return text + (f", {self.skipped()} skipped" if self.skipped() else "")


def matches(name, wanted):
    return not wanted or any(word in name for word in wanted)


def tail(text, count=40):
    return "\n".join(text.splitlines()[-count:])


# --- unit tests: one gtest binary per folder -------------------------------------------------------


def gtest_names(program):
    """Suite.test names of a binary."""
    listing = subprocess.run([program, "--gtest_list_tests"], capture_output=True, text=True, timeout=60)
    names, suite = [], ""
    for line in listing.stdout.splitlines():
        word = line.split("#")[0].rstrip()
        if not word or word.startswith("Running main"):
            continue
        if word.startswith("  "):
            names.append(suite + word.strip())
        else:
            suite = word.strip()
    return names


def run_gtest(program, names, environment=None):
    outcome = Outcome()
    with tempfile.NamedTemporaryFile(suffix=".json") as report:
        command = [str(program), f"--gtest_output=json:{report.name}", "--gtest_filter=" + ":".join(names)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=300, errors="replace",
                                  env={**os.environ, **(environment or {})}, stdin=subprocess.DEVNULL)
            output = done.stdout + done.stderr
        except subprocess.TimeoutExpired as late:
            outcome.failures.append((program.name, tail(str(late)), " ".join(command[:1])))
            return outcome
        try:
            suites = json.load(report)["testsuites"]
        except (ValueError, KeyError):
            outcome.failures.append((program.name, f"died with {done.returncode}\n{tail(output)}", str(program)))
            return outcome
    for test in (test for suite in suites for test in suite["testsuite"]):
        name = f"{test['classname']}.{test['name']}"
        repeat = f"{program.relative_to(ROOT)} --gtest_filter={name}"
        if test.get("failures"):
            outcome.failures.append((name, "\n".join(failure["failure"] for failure in test["failures"]), repeat))
        elif test.get("result") == "SKIPPED":
            reason = re.search(rf"RUN\s+\] {re.escape(name)}\n.*?Skipped\n(.*?)\n", output, re.S)
            outcome.skips.append((name, reason[1] if reason else "no reason given"))
        else:
            outcome.passed += 1
    if done.returncode and not outcome.failures:
        outcome.failures.append((program.name, f"died with {done.returncode}\n{tail(output)}", str(program)))
    return outcome


class Unit:
    name = "unit"
    quick = True

    def __init__(self, directory=BUILD, environment=None):
        self.directory, self.environment = directory, environment

    def chosen(self, wanted):
        """program -> test names"""
        picked = {}
        for program in sorted((self.directory / "test").glob("*_test")):
            # Binaries of folders that have no tests any more stay behind in the build directory.
            if not list((ROOT / "src" / program.name.removesuffix("_test")).glob("**/*_test.cc")):
                continue
            if names := [name for name in gtest_names(program) if matches(f"{program.name} {name}", wanted)]:
                picked[program] = names
        return picked

    def names(self):
        return [name for names in self.chosen([]).values() for name in names]

    def run(self, wanted, jobs):
        outcome = Outcome()
        picked = self.chosen([] if self.name in wanted else wanted)
        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            for one in pool.map(lambda item: run_gtest(*item, self.environment), picked.items()):
                outcome.add(one)
        return outcome


class Sanitized(Unit):
    """The unit tests once more, under a sanitizer, from a build of their own."""

    quick = False

    def __init__(self, preset):
        super().__init__(ROOT / f"build-{preset}", {
            "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0", "UBSAN_OPTIONS": "print_stacktrace=1",
            "TSAN_OPTIONS": "halt_on_error=1"})
        self.name = preset

    def names(self):
        return [self.name]

    def run(self, wanted, jobs):
        if not (self.directory / "build.ninja").exists():
            subprocess.run(["cmake", "--preset", self.name, "-B", str(self.directory)], cwd=ROOT, check=True, capture_output=True)
        done = subprocess.run(["ninja", "-C", str(self.directory), "-j", str(jobs), "unit_tests"], capture_output=True, text=True)
        if done.returncode:
            return Outcome(failures=[(f"{self.name} build", tail(done.stdout), f"ninja -C {self.directory.name} unit_tests")])
        outcome = super().run([self.name], jobs)
        outcome.failures = [(f"{self.name} {name}", seen, repeat) for name, seen, repeat in outcome.failures]
        return outcome


# --- style ----------------------------------------------------------------------------------------


class Tidy:
    name = "tidy"
    quick = True

    def names(self):
        return [f"tidy {name}" for name in tidy.CHECKS]

    def run(self, wanted, _):
        outcome = Outcome()
        for name, check in tidy.CHECKS.items():
            if not matches(f"tidy {name}", wanted):
                continue
            if problems := check(ROOT):
                outcome.failures.append((f"tidy {name}", "\n".join(problems[:30]), f"tools/tidy.py {name}"))
            else:
                outcome.passed += 1
        return outcome


class ClangTidy:
    name = "clang-tidy"
    quick = False

    def names(self):
        return ["clang-tidy"]

    def run(self, _, jobs):
        passed, bad = clang_tidy.run(BUILD, jobs, [])
        return Outcome(passed=passed, failures=[(f"clang-tidy {path}", problems, f"tools/clang_tidy.py {path}") for path, problems in bad])


class Headers:
    """Each header compiles by itself: one object per header in the build."""

    name = "headers"
    quick = True

    def names(self):
        return ["headers"]

    def run(self, _, jobs):
        done = subprocess.run(["ninja", "-C", str(BUILD), "-k", "0", "-j", str(jobs), "headers"], capture_output=True, text=True)
        count = sum(1 for _ in BUILD.glob("headers/**/*.cc"))
        if done.returncode == 0:
            return Outcome(passed=count)
        broken = sorted(set(re.findall(r"^FAILED: \S*?/headers/(\S+)\.cc\.o", done.stdout, re.M))) or ["the build"]
        failures = [(f"headers {name}", tail(done.stdout), "ninja -C build headers") for name in broken[:1]]
        failures += [(f"headers {name}", "see above", "ninja -C build headers") for name in broken[1:]]
        return Outcome(passed=max(0, count - len(broken)), failures=failures)


class Corpus:
    """Each fuzz target of the build goes once through what is committed for it."""

    name = "corpus"
    quick = True

    def names(self):
        return [f"corpus {name}" for name in fuzz.targets()]

    def run(self, wanted, _):
        outcome = Outcome()
        for name in fuzz.targets():
            if not matches(f"corpus {name}", wanted):
                continue
            good, text = fuzz.replay(name, BUILD)
            if good:
                outcome.passed += 1
            else:
                outcome.failures.append((f"corpus {name}", text, f"build/fuzz/fuzz_{name} tests/fuzz/corpus/{name}"))
        return outcome


# --- others ---------------------------------------------------------------------------------------


class Fuzz:
    name = "fuzz"
    quick = False

    def names(self):
        return [f"fuzz {name}" for name in fuzz.targets()]

    def run(self, wanted, jobs):
        chosen = [name for name in fuzz.targets() if matches(f"fuzz {name}", wanted)]
        directory = ROOT / "build-fuzz"
        if problem := fuzz.build(chosen, jobs, directory):
            return Outcome(failures=[("fuzz build", tail(problem), "./run fuzz")])
        outcome = Outcome()
        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            for name, (good, text) in zip(chosen, pool.map(lambda name: fuzz.run(name, 10, directory), chosen)):
                print(f"fuzz {name}: {text if good else 'FAILED'}", flush=True)
                if good:
                    outcome.passed += 1
                else:
                    outcome.failures.append((f"fuzz {name}", tail(text), f"./run fuzz {name}"))
        return outcome


class Runner:
    """A program of the tree that runs tests, shows failures itself and ends with the usual line."""

    quick = False

    def __init__(self, name, program, *options):
        self.name, self.program, self.options = name, ROOT / program, options

    def names(self):
        if not self.program.exists():
            return []
        done = subprocess.run([sys.executable, str(self.program), "--list"], capture_output=True, text=True, timeout=60)
        if done.returncode:
            return [self.name]
        # NAME, or NAME and more behind it.
        return [f"{self.name} {line.split()[0]}" for line in done.stdout.splitlines() if line.strip()]

    def run(self, wanted, _):
        command = [sys.executable, str(self.program), *self.options]
        if wanted and self.name not in wanted:
            command += [word for word in wanted if any(word in name for name in self.names())]
        outcome, last = Outcome(), ""
        with interruption.Child(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                errors="replace", stdin=subprocess.DEVNULL) as child:
            for line in child.stdout:
                print(line, end="", flush=True)
                last = line.strip() or last
            status = child.wait()
        found = re.fullmatch(r"(\d+) passed, (\d+) failed(?:, (\d+) skipped)?", last)
        if not found:
            outcome.failures.append((self.name, f"ended with {status} and without a count: {last}", " ".join(command)))
            return outcome
        outcome.passed, outcome.failed_elsewhere, outcome.skipped_elsewhere = (int(part or 0) for part in found.groups())
        if status and not outcome.failed_elsewhere:
            outcome.failures.append((self.name, f"ended with {status}", " ".join(command)))
        return outcome


class World(Runner):
    """Runs whole: a name that is asked for means the quick programs, which another suite has."""

    def names(self):
        return [self.name]


class Pytest:
    quick = False

    def __init__(self, name, directory, quick=False, files=("test_*.py",)):
        self.name, self.directory, self.quick = name, ROOT / directory, quick
        self.files = sorted(path for pattern in files for path in self.directory.glob(pattern))

    def command(self, wanted):
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--tb=short", "-q"]
        command += [str(path) for path in self.files]
        if wanted and self.name not in wanted:
            command += ["-k", " or ".join(wanted)]
        return command

    def names(self):
        if not self.files:
            return []
        done = subprocess.run(self.command([]) + ["--collect-only"], capture_output=True, text=True, timeout=120)
        return [f"{self.name} {line}" for line in done.stdout.splitlines() if "::" in line]

    def run(self, wanted, _):
        outcome = Outcome()
        with tempfile.TemporaryDirectory() as directory:
            report = pathlib.Path(directory) / "report.xml"
            with interruption.Child(self.command(wanted) + [f"--junitxml={report}", "-rs"], cwd=ROOT, stdout=subprocess.PIPE,
                                    stderr=subprocess.STDOUT, text=True, errors="replace", stdin=subprocess.DEVNULL) as child:
                said, _ = child.communicate()
            try:
                cases = list(xml.etree.ElementTree.parse(report).getroot().iter("testcase"))
            except (OSError, xml.etree.ElementTree.ParseError):
                return Outcome(failures=[(self.name, tail(said), " ".join(self.command(wanted)))])
        for case in cases:
            place = case.get("classname", "").replace(".", "/")
            name = f"{self.name} {case.get('name')}"
            wrong = case.find("failure") if case.find("failure") is not None else case.find("error")
            if wrong is not None:
                outcome.failures.append((name, tail(wrong.text or wrong.get("message", "")), f"./run test {case.get('name')}"))
            elif (skip := case.find("skipped")) is not None:
                outcome.skips.append((f"{place}: {name}", skip.get("message", "no reason given")))
            else:
                outcome.passed += 1
        if child.returncode not in (0, 1, 5) and not outcome.failures:
            outcome.failures.append((self.name, tail(said), " ".join(self.command(wanted))))
        return outcome


def suites():
    def cluster(name, *files):
        return Pytest(name, "tests/cluster", files=files)

    named = [cluster("daemon", "test_daemon.py", "test_accounts.py", "test_writers.py", "test_cpu.py", "test_gossip.py"),
             cluster("users", "test_hostile_users.py"), cluster("failure", "test_failure.py"), cluster("confined", "test_confined.py"),
             cluster("balance", "test_balance.py", "test_partners.py"), cluster("cores", "test_cores.py"), cluster("trees", "test_trees.py"),
             cluster("debug", "test_debug.py"), cluster("mailbox", "test_mailbox*.py"), cluster("mpi", "test_mpi.py"), cluster("mpi_programs", "test_mpi_programs.py"),
             cluster("stopped", "test_stopped.py"), cluster("leaks", "test_leaks.py"), cluster("sharing", "test_groups.py", "test_own_files.py")]
    taken = {path for suite in named for path in suite.files}
    # Whatever no other suite names, so that no file is forgotten.
    rest = [path.name for path in (ROOT / "tests/cluster").glob("test_*.py") if path not in taken]

    return [Unit(), Corpus(), Tidy(), Headers(), Pytest("tools", "tools", quick=True), Runner("guest", "tests/guest/run.py"), cluster("cluster", *rest), *named,
            Runner("late", "tests/guest/run.py", "--move-mode", "post-copy", "--mode", "once", "--mode", "storm"),
            Runner("encrypted", "tests/guest/run.py", "--encrypt", "--mode", "storm"),
            Runner("hybrid", "tests/guest/run.py", "--move-mode", "hybrid", "--mode", "pingpong", "--mode", "storm"),
            Runner("fault", "tests/fault/run.py"), Runner("real", "tests/real/run.py"), World("world", "tests/real/world.py"), Pytest("vm", "tests/vm"), ClangTidy(), Fuzz(), Sanitized("asan")]


# Suites that do not pass as a whole yet, or take too long: they run when they are named, and the reason stands in each result.
ON_REQUEST = {
    "clang-tidy": "takes longer than a test run may",
    "hybrid": "takes minutes, and most of what can go wrong in it goes wrong in `late` or in pingpong as well",
    "world": "installs big programs and takes a quarter of an hour; docs/world.md has its last result",
    "mpi_programs": "installs MPI programs of the distribution; docs/mpi.md has its last result",
    "vm": "boots an emulated machine with the distribution's own kernel, which is slow",
    "asan": "passes, but its build takes 13 minutes of one CPU",
}

SUITES = {suite.name for suite in suites()}


def selected(suite, wanted, quick):
    if quick:
        return suite.quick
    if not wanted:
        return suite.name not in ON_REQUEST
    words = [word for word in wanted if word not in SUITES]
    return suite.name in wanted or bool(words) and any(matches(name, words) for name in suite.names())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("words", nargs="*", metavar="quick|list|NAME")
    options = parser.parse_args()
    if options.words == ["list"]:
        for suite in suites():
            print("\n".join(suite.names()))
        return 0
    quick = options.words == ["quick"]
    wanted = [] if quick else options.words
    chosen = [suite for suite in suites() if selected(suite, wanted, quick)]
    if wanted == ["tsan"]:
        chosen = [Sanitized("tsan")]
    if not chosen:
        print(f"test: no test's name contains {' or '.join(wanted)}; `./run test list` shows them", file=sys.stderr)
        return 2
    total = Outcome()
    for suite in chosen:
        if not wanted and not suite.names():
            continue  # nothing of that kind in the tree
        started = time.monotonic()
        print(f"== {suite.name}", flush=True)
        outcome = suite.run(wanted, options.jobs)
        total.add(outcome)
        for name, seen, repeat in outcome.failures:
            print(f"FAILED {name}\n{seen}\n  repeat with: {repeat}", flush=True)
        print(f"== {suite.name}: {outcome.line()} in {time.monotonic() - started:.1f} s", flush=True)
    if not options.words:
        total.skips += [(suite.name, ON_REQUEST[suite.name]) for suite in suites() if suite.name in ON_REQUEST]
    for name, reason in total.skips:
        print(f"skipped {name}: {reason}")
    for name, _, repeat in total.failures:
        print(f"FAILED {name}; repeat with: {repeat}")
    if total.passed + total.failed() == 0:
        print("test: nothing was run", file=sys.stderr)
    print(total.line())
    return 1 if total.failed() or total.passed == 0 else 0


if __name__ == "__main__":
    sys.exit(interruption.run("test", main))
