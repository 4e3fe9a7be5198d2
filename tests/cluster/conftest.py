# SPDX-License-Identifier: Apache-2.0
"""Fixtures over `rove lab`. No namespace is made in Python: everything goes through the real CLI.

`rove` is the program under test: $ROVE, or build/bin/rove of this tree.
`new_lab(…)` makes a lab with a name of its own and removes it at the test's end;
`lab` is one lab of three nodes that the tests of a module share.
"""
import itertools
import json
import os
import pathlib
import subprocess
import sys
import time

import pytest

TREE = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TREE / "tools"))
import interruption  # noqa: E402

interruption.once()
BARE = {"ROVE_LAB_NO_DAEMON": "1"}  # for a lab whose nodes run nothing
LIMIT_S = 60  # after which a command is taken for hung
_numbers = itertools.count(1)


def wait_for(condition, what, limit_s=20):
    """Waits until condition() is true, and returns what it returned."""
    end = time.monotonic() + limit_s
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < end, f"in {limit_s} s there was no {what}"
        time.sleep(0.01)


class Lab:
    """One lab. Each method is the verb of that name; check=False leaves the exit status to the test."""

    def __init__(self, rove, env=None):
        self.rove = rove
        self.name = f"t{os.getpid()}-{next(_numbers)}"
        # Nothing moves by itself but in the tests of that.
        self.env = dict(os.environ, ROVE_LAB_CONFIG="policy.auto = false") | (env or {})

    def argv(self, verb, *words):
        return [str(self.rove), "lab", verb, "--name", self.name, *map(str, words)]

    def do(self, verb, *words, check=True, **options):
        done = subprocess.run(self.argv(verb, *words), capture_output=True, text=True, env=self.env,
                              timeout=LIMIT_S, **options)
        if check:
            assert done.returncode == 0, f"{verb} {words}: {done.returncode}: {done.stderr}"
        return done

    def up(self, *options, check=True):
        return self.do("up", *options, check=check)

    def down(self):
        return self.do("down")

    def run(self, node, *command, check=True, **options):
        return self.do("run", node, "--", *command, check=check, **options)

    def start(self, node, *command, **options):
        """A command that goes on; standard output is a pipe unless said otherwise."""
        options.setdefault("stdout", subprocess.PIPE)
        return subprocess.Popen(self.argv("run", node, "--", *command), text=True, env=self.env,
                                **options)

    def status(self):
        return {row["name"]: row for row in json.loads(self.do("status", "--json").stdout)}

    def address(self, node):
        return self.status()[node]["address"]

    def json(self, node, *verb):
        """What `rove VERB… --json` prints on that node."""
        return json.loads(self.run(node, "rove", *verb, "--json").stdout)


@pytest.fixture(scope="session")
def rove():
    path = pathlib.Path(os.environ.get("ROVE", TREE / "build/bin/rove")).resolve()
    if not path.exists():
        pytest.fail(f"{path} is not built; './run build' does it", pytrace=False)
    if os.geteuid() != 0:
        pytest.skip("a lab needs root")
    return path


@pytest.fixture
def unmade_lab(rove):
    """Names labs that the test makes and removes itself; what it leaves is removed all the same."""
    named = []

    def name(env=None):
        named.append(Lab(rove, env))
        return named[-1]

    yield name
    for lab in named:
        lab.down()


@pytest.fixture
def new_lab(unmade_lab):
    def make(*options, env=None):
        lab = unmade_lab(env)
        lab.up(*options)
        return lab

    return make


@pytest.fixture(scope="module")
def bare(rove):
    lab = Lab(rove, BARE)
    lab.up("--node", "n2:cpus=0.25,mem=256M,rate=100mbit,cpuset=0,clock=+3h")
    yield lab
    lab.down()


@pytest.fixture(scope="module")
def lab(rove):
    shared = Lab(rove)
    shared.up()
    yield shared
    shared.down()


@pytest.fixture(scope="module")
def quiet(rove):
    """Three nodes without limits, for tests that leave them as they found them."""
    shared = Lab(rove)
    shared.up("--nodes", "3", "--cpus", "0", "--mem", "0")
    yield shared
    shared.down()
