#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs programs of the distribution, as they are, natively and while they are moved around a lab of three nodes.

  tests/real/run.py                    all, in the modes away and pingpong
  tests/real/run.py python --mode storm --seed 3

Output, exit status and the files that a program leaves must be those of its native run. Inputs are made here, the same
every time. The last line is 'N passed, N failed' (', N skipped' may follow). See tests/guest/modes.py for the modes.
"""

import argparse
import concurrent.futures
import hashlib
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field

FOLDER = pathlib.Path(__file__).resolve().parent
REPOSITORY = FOLDER.parents[1]
sys.path[:0] = [str(FOLDER.parent / "guest"), str(FOLDER.parents[1] / "tools")]
import interruption  # noqa: E402

from cluster import Cluster  # noqa: E402
from modes import MODES, PATH, Broken, Case, Verdict, judge, seed_of  # noqa: E402
from tally import Tally  # noqa: E402

USUAL = ["away", "pingpong"]


@dataclass
class Real:
    name: str
    argv: list
    needs: list  # programs that must be installed
    inputs: list = field(default_factory=list)
    files: list = field(default_factory=list)  # what it leaves and must be as natively
    tells: bool = False  # it announces by itself which PID is to be moved


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
    (work / "lines").write_text("".join(f"{rng.randrange(10**9)} {k % 977} line\n" for k in range(250000)))


def c_source(work):
    made = subprocess.run([sys.executable, FOLDER / "module.py"], capture_output=True, check=True)
    (work / "module.c").write_bytes(made.stdout)


def makefile(work):
    c_source(work)
    lines = (work / "module.c").read_text().splitlines()
    for n in range(6):  # six units of forty functions each
        body = [f"unsigned unit{n}(unsigned s, unsigned char* p) {{"] + [f"  s += f{k}(s, p);" for k in range(n * 40, n * 40 + 40)]
        text = lines[:3] + lines[3 + n * 40 : 43 + n * 40] + body + ["  return s; }"]
        (work / f"unit{n}.c").write_text("\n".join(text) + "\n")
    calls = " ".join(f"s += unit{n}(s, p);" for n in range(6))
    protos = " ".join(f"unsigned unit{n}(unsigned, unsigned char*);" for n in range(6))
    (work / "main.c").write_text(
        f'#include <stdio.h>\n{protos}\nint main(void) {{ unsigned char p[64] = {{7}}; unsigned s = 1; {calls} printf("%u\\n", s); return 0; }}\n')
    (work / "Makefile").write_text(
        "OBJECTS = main.o " + " ".join(f"unit{n}.o" for n in range(6)) +
        "\nall: program\n\t./program > answer\nprogram: $(OBJECTS)\n\t@$(CC) -o $@ $(OBJECTS)\n%.o: %.c\n\t@$(CC) -O2 -w -c -o $@ $<\n")


def every(build):
    def script(name, *more):
        return [str(FOLDER / name), *more]

    return [
        Real("python", ["python3", *script("words.py", "texts", "10")], ["python3"], [text_files], ["packed.*"]),
        Real("python_threads", ["python3", *script("threads.py", "60")], ["python3"]),
        Real("perl", ["perl", *script("words.pl", "texts", "5")], ["perl"], [text_files], ["counts.*"]),
        Real("bash", ["bash", *script("words.sh", "texts", "6")], ["bash"], [text_files]),
        Real("sqlite", ["sqlite3", "stress.db", f".read {FOLDER / 'stress.sql'}"], ["sqlite3"]),
        Real("xz", ["xz", "-T1", "-6", "-c", "big"], ["xz"], [small_file]),
        Real("xz_threads", ["xz", "-T2", "-4", "--block-size=500000", "-k", "big"], ["xz"], [small_file], ["big.xz"]),
        Real("openssl_digest", ["openssl", "dgst", "-sha512", *["big"] * 8], ["openssl"], [big_file]),
        Real("openssl_cipher", ["openssl", "enc", "-aes-256-ctr", "-pbkdf2", "-iter", "1500000", "-S", "1122334455667788", "-k", "key", "-in", "big", "-out", "sealed"],
             ["openssl"], [big_file], ["sealed"]),
        Real("gcc", ["gcc", "-O2", "-w", "module.c", "-o", "module", "-lm"], ["gcc"], [c_source], ["module"]),
        Real("make", ["make", "-s", "-j2"], ["make", "gcc"], [makefile], ["answer", "*.o"]),
        Real("sort", ["sort", "-S", "2M", "--parallel=2", "-k2,2n", "-k1,1", "lines"], ["sort"], [lines_file]),
        Real("redis", ["bash", *script("server.sh")], ["redis-server", "redis-benchmark"], tells=True),
        Real("go", [str(build / "goroutines")], ["go"]),
    ]


def digest(work, patterns):
    """name → digest of the files that match."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for pattern in patterns for path in sorted(work.glob(pattern))
    }


def build_go(build):
    """The Go program; from source alone, nothing is fetched."""
    build.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "GOCACHE": str(build / "go-cache"), "GO111MODULE": "off", "GOFLAGS": ""}
    go = shutil.which("go", path=PATH)
    done = subprocess.run([go, "build", "-o", build / "goroutines", FOLDER / "goroutines.go"],
                          env=environment, capture_output=True, text=True)
    return done.stderr if done.returncode else None


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="parts of names; all without")
    parser.add_argument("--mode", action="append", metavar="MODE", help=f"native or one of {' '.join(MODES)}; may be repeated")
    parser.add_argument("--jobs", type=int, default=2, help="cases at once (2)")
    parser.add_argument("--repeat", type=int, default=1, metavar="N", help="each case N times, with other seeds")
    parser.add_argument("--seed", type=int, default=1, help="for the order of moves and for --storm (1)")
    parser.add_argument("--limit", type=float, default=180, metavar="S", help="seconds after which a case hangs (180)")
    parser.add_argument("--rove", default=os.environ.get("ROVE", REPOSITORY / "build/bin/rove"), help="the command to test")
    parser.add_argument("--build", type=pathlib.Path, default=REPOSITORY / "build/real", help="where programs are built")
    parser.add_argument("--lab", metavar="NAME", help="use this lab, which is up, and leave it up")
    parser.add_argument("--keep", action="store_true", help="keep all directories, not only those of failures")
    parser.add_argument("--verbose", "-v", action="store_true", help="one line per case")
    parser.add_argument("--list", action="store_true", help="list the tests and end")
    return parser.parse_args()


def make_case(cluster, real, mode, place, seed, limit):
    def prepare(work):
        for make in real.inputs:
            make(work)

    return Case(cluster, real.name, real.argv, mode, place, seed, limit, setup=prepare, rounds=False,
                environment={"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}, tells=real.tells)


def run_native(chosen, folder, options, tally):
    """The oracle: name → (outcome, digests of files)."""
    oracle = {}
    for real in chosen:
        lack = [program for program in real.needs if not shutil.which(program, path=PATH)]
        complaint = build_go(options.build) if real.name == "go" and not lack else None
        if lack or complaint:
            tally.add("native", real.name, Verdict("skipped" if lack else "failed", complaint or f"needs {lack[0]}"))
            continue
        case = make_case(None, real, "native", folder / f"{real.name}.native", 0, options.limit)
        case.collect = lambda: None
        try:
            outcome = case.run()
        except Broken as broken:
            tally.add("native", real.name, Verdict("failed", str(broken)))
            continue
        bad = outcome.status != 0 and f"ended with {outcome.status}: {outcome.err.decode(errors='replace')[-300:]}"
        tally.add("native", real.name, Verdict("failed", bad) if bad else Verdict("passed"))
        if not bad:
            oracle[real.name] = outcome, digest(case.folder / "work", real.files)
        shutil.rmtree(case.folder, ignore_errors=True)
    return oracle


def run_moved(chosen, modes, folder, options, tally, oracle, cluster):
    def one(work):
        real, mode, turn = work
        place = folder / f"{real.name}.{mode}.{turn}"
        case = make_case(cluster, real, mode, place, seed_of(options.seed, real.name, turn), options.limit)
        outcome, files = oracle[real.name]

        def check(left):
            now = digest(left, real.files)
            different = sorted(name for name in files.keys() | now.keys() if files.get(name) != now.get(name))
            return f"the file {different[0]} is not as natively" if different else None

        try:
            verdict = judge(case, outcome, check=check)
        except Exception as error:  # the runner's own failure must not take the other cases with it
            verdict = Verdict("failed", f"runner: {type(error).__name__}: {error}")
        if verdict.kind == "passed" and not options.keep:
            shutil.rmtree(place, ignore_errors=True)
        return real, mode, turn, verdict, place

    cases = [(r, m, t) for t in range(options.repeat) for m in modes for r in chosen if r.name in oracle]
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for real, mode, turn, verdict, place in pool.map(one, cases):
            line = f"tests/real/run.py {real.name} --mode {mode} --seed {options.seed + turn * 7919}   # {place}"
            tally.add(mode, real.name, verdict, line)


def main():
    options = arguments()
    chosen = [r for r in every(options.build) if not options.names or any(re.search(n, r.name) for n in options.names)]
    if options.list:
        print(*(real.name for real in chosen), sep="\n")
        return 0
    if not chosen:
        print("no test has such a name; --list shows them", file=sys.stderr)
        return 2
    modes = options.mode or USUAL
    if unknown := [mode for mode in modes if mode not in ("native", *MODES)]:
        print(f"no such mode: {' '.join(unknown)}; there are native {' '.join(MODES)}", file=sys.stderr)
        return 2
    with interruption.folder("rove-real-") as folder:
        return run(chosen, modes, folder, options)


def run(chosen, modes, folder, options):
    tally = Tally(options.verbose, [real.name for real in chosen])
    oracle = run_native(chosen, folder, options, tally)
    modes = [mode for mode in modes if mode != "native"]
    if modes:
        cluster = Cluster(pathlib.Path(options.rove).resolve(), options.lab or f"real-{os.getpid()}")
        try:
            cluster.learn_options() if options.lab else cluster.up()
            run_moved(chosen, modes, folder, options, tally, oracle, cluster)
        finally:
            if not options.lab:
                cluster.down()
    if not any(folder.iterdir()):
        folder.rmdir()
    return tally.close()


if __name__ == "__main__":
    sys.exit(interruption.run("real", main))
