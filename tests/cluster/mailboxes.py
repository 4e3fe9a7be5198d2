# SPDX-License-Identifier: Apache-2.0
"""Programs with mailboxes (tests/mailbox), built against the library of this tree, on nodes of a lab."""
import select
import subprocess
import time

import pytest

from conftest import LIMIT_S, TREE

SOURCES = TREE / "tests" / "mailbox"


def build(name, directory):
    binary = directory / name
    library = TREE / "build" / "lib"
    subprocess.run(["gcc", "-std=gnu11", "-D_GNU_SOURCE", "-O1", "-Wall", "-Wextra", "-Werror", "-I", TREE / "include",
                    "-o", binary, SOURCES / f"{name}.c", "-L", library, "-lrove", f"-Wl,-rpath,{library}"], check=True)
    return binary


class One:
    """A program that does to its mailbox what it is told: tests/mailbox/one.c."""

    def __init__(self, lab, node, binary, *before):
        self.lab, self.node = lab, node
        self.process = lab.start(node, *before, binary, stdin=subprocess.PIPE, bufsize=1)
        self.address = self.hear()

    @property
    def pid(self):
        return int(self.address.split(":")[1])

    def tell(self, *words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()

    def hear(self, limit_s=LIMIT_S):
        end = time.monotonic() + limit_s
        ready, _, _ = select.select([self.process.stdout], [], [], max(0, end - time.monotonic()))
        assert ready, f"{self.node}: silence"
        return self.process.stdout.readline().strip()

    def ask(self, *words):
        self.tell(*words)
        return self.hear()

    def send(self, to, length=1, character="x", timeout_ms=20000):
        return self.ask("send", to.address if isinstance(to, One) else to, length, character, timeout_ms)

    def receive(self, timeout_ms=20000, *more):
        """(length, last character), ("gone", undelivered) or an error; the sender is in last_sender."""
        words = self.ask("receive", timeout_ms, *more).split()
        self.last_sender = words[-1]
        return tuple(words[:2]) if len(words) > 1 else words[0]

    def kill(self):
        self.lab.run(self.node, "kill", "-9", self.pid)
        self.process.wait(LIMIT_S)

    def close(self):
        if self.process.poll() is None:
            self.process.stdin.close()
            self.process.wait(LIMIT_S)


@pytest.fixture(scope="module")
def binaries(tmp_path_factory):
    directory = tmp_path_factory.mktemp("mailbox")
    directory.chmod(0o755)
    directory.parent.chmod(0o755)
    return {name: build(name, directory) for name in ("one", "crowd", "many")}


@pytest.fixture
def start(quiet, binaries):
    started = []

    def one(node, *before):
        started.append(One(quiet, node, binaries["one"], *before))
        return started[-1]

    yield one
    for each in started:
        each.close()
