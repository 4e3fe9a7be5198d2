# SPDX-License-Identifier: Apache-2.0
"""CPUs that differ: who goes where, without a promise and with `--cpu-baseline`."""
import json

import pytest

from conftest import Lab, wait_for

# Prints which components of its extended state are in use (XGETBV 1), after long moves of bytes.
STATE = r"""
import ctypes, mmap, time
code = mmap.mmap(-1, 4096, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, 7)
code.write(bytes.fromhex("b9010000000f01d0c3"))
address = ctypes.addressof(ctypes.c_char.from_buffer(code))
in_use = ctypes.CFUNCTYPE(ctypes.c_uint)(address)
libc = ctypes.CDLL(None)
text = b"x" * 10000
while True:
    libc.strlen(text), libc.memchr(text, 121, 10000), bytearray(text)
    print(in_use(), flush=True)
    time.sleep(0.01)
"""
X87_SSE = 3


@pytest.fixture(scope="module")
def mixed(rove):
    lab = Lab(rove)
    lab.up("--nodes", "3", "--cpus", "0", "--mem", "0", "--node", "n2:hide=avx2", "--node", "n3:hide=sse4_2,avx2")
    yield lab
    lab.down()


class Program:
    """Runs on `home` with those options; `pid` is that of its last process."""

    def __init__(self, lab, home, *options, command=("python3", "-c", STATE)):
        self.lab, self.home = lab, home
        self.process = lab.start(home, "rove", "run", *options, "--", *command)
        self.states = [self.next() for _ in range(3)]
        self.pid = max(row["pid"] for row in lab.json(home, "ps"))

    def next(self):
        return int(self.process.stdout.readline())

    def move(self, to):
        self.lab.run(self.home, "rove", "move", str(self.pid), to)
        assert self.host() == (self.home if to == "home" else to)
        self.states += [self.next() for _ in range(30)]

    def refused(self, to):
        done = self.lab.run(self.home, "rove", "move", str(self.pid), to, "--json", check=False)
        assert done.returncode == 3
        return json.loads(done.stderr)["error"]

    def host(self):
        return next(row["host"] for row in self.lab.json(self.home, "ps") if row["pid"] == self.pid)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for row in self.lab.json(self.home, "ps"):
            self.lab.run(self.home, "kill", "-9", str(row["pid"]), check=False)
        self.process.wait(timeout=20)


def test_missing_features_are_named_and_the_way_out(mixed):
    with Program(mixed, "n1") as program:
        assert "lacks avx2," in program.refused("n2") and "--cpu-baseline" in program.refused("n2")
        assert "sse4_2" in program.refused("n3")
        assert program.host() == "n1"


def test_a_baseline_is_all_that_is_needed(mixed):
    with Program(mixed, "n1", "--cpu-baseline", "x86-64-v2") as program:
        program.move("n2")
        text = program.refused("n3")  # from host to host
        assert "lacks sse4_2, which the process may use by its --cpu-baseline" in text and program.host() == "n2"
        program.move("home")
        program.move("n2")
        assert all(state & ~X87_SSE == 0 for state in program.states)
    with Program(mixed, "n1", "--cpu-baseline", "v3") as program:
        assert "lacks avx2," in program.refused("n2") and program.host() == "n1"


def test_descendants_and_a_new_daemon_keep_it(mixed):
    with Program(mixed, "n1", "--cpu-baseline", "x86-64", command=("sh", "-c", 'python3 -c "$0"; true', STATE)) as program:
        for how in ("stop", "start"):
            mixed.do("daemon", "n1", how)
        wait_for(lambda: len(mixed.json("n1", "ps")) == 2 and mixed.json("n1", "nodes")[2]["state"] == "up", "all again")
        program.move("n3")
        program.move("n2")
        program.move("home")


def test_what_home_lacks_is_refused_unless_it_is_promised_not_to_be_used(mixed):
    with Program(mixed, "n2") as program:
        assert "has avx2, which home lacks" in program.refused("n1")
    with Program(mixed, "n2", "--cpu-baseline", "v2") as program:
        program.move("n1")
        program.move("home")
    done = mixed.run("n2", "rove", "run", "--cpu-baseline", "v3", "echo", "hello", check=False)
    assert (done.returncode, done.stdout) == (125, "") and "lacks avx2" in done.stderr


def test_the_best_node_is_one_that_takes_it(mixed):
    """n3 is idle, and lacks what is needed."""
    busy = ("--cpu-baseline", "v2", "--stay")
    spin = ("python3", "-c", "for i in range(3): print(3, flush=True)\nwhile True: pass")
    with Program(mixed, "n1", *busy, command=("sh", "-c", '"$@" & "$@"', "sh", *spin)), Program(mixed, "n2", *busy, command=spin):
        def load(node):
            return next(row["load"] for row in mixed.json("n1", "nodes") if row["name"] == node)
        wait_for(lambda: load("n1") > load("n2") + 0.1 > load("n3") + 0.2, "load on n1 and n2")
        light = ("sh", "-c", "echo 3; echo 3; echo 3; sleep 60 & wait")
        with Program(mixed, "n1", "--on", "best", "--cpu-baseline", "v2", command=light) as program:
            assert program.host() == "n2"


def test_levels_have_names(mixed):
    for level in ("x86-64-v5", "avx2", ""):
        done = mixed.run("n1", "rove", "run", "--cpu-baseline", level, "true", check=False)
        assert done.returncode == 2 and "x86-64-v3" in done.stderr


def test_the_dynamic_linker_keeps_to_it(mixed):
    def diagnostics(*options):
        done = mixed.run("n1", "rove", "run", *options, "--", "/lib64/ld-linux-x86-64.so.2", "--list-diagnostics")
        return dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)

    # One bit for each directory of glibc-hwcaps, the lowest for x86-64-v4.
    for level, directories in (("v1", 0), ("v2", 4), ("v3", 6)):
        found = diagnostics("--cpu-baseline", level)
        assert int(found["dl_hwcaps_subdirs_active"], 16) == directories
    avx2 = 1 << 5  # of CPUID 7, EBX
    usable = "x86.cpu_features.features[0x1].active[0x1]"
    assert int(diagnostics()[usable], 16) & avx2
    assert not int(diagnostics("--cpu-baseline", "v2")[usable], 16) & avx2
