# SPDX-License-Identifier: Apache-2.0
"""Core dumps: a program that dies away leaves the core that it would have left at home: its own registers and memory."""
import pathlib
import signal
import struct

import pytest

from conftest import wait_for

PATTERN = pathlib.Path("/proc/sys/kernel/core_pattern").read_text().strip()
pytestmark = pytest.mark.skipif(PATTERN[:1] in "|/" or "%" in PATTERN, reason=f"core files go elsewhere: {PATTERN}")

PROGRAM = """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_CORE, resource.getrlimit(resource.RLIMIT_CORE)[1:] * 2)
os.chdir(sys.argv[1])
count = 0
while not os.path.exists("die"):
    count += 1
    marker = b"round %d of many" % count
    print(count, flush=True)
os.abort()
"""
NT_PRSTATUS, NT_FILE = 1, 0x46494C45
PT_LOAD, PT_NOTE = 1, 4
RIP, RSP = 16, 19  # in user_regs_struct


def notes(blob):
    at = 0
    while at + 12 <= len(blob):
        name_size, size, kind = struct.unpack_from("<III", blob, at)
        at += 12 + (name_size + 3 & ~3)
        yield kind, blob[at:at + size]
        at += size + 3 & ~3


class Core:
    """The first thread's registers, the mapped files and the memory of a core file."""

    def __init__(self, path):
        self.bytes = path.read_bytes()
        offset, = struct.unpack_from("<Q", self.bytes, 32)
        size, count = struct.unpack_from("<HH", self.bytes, 54)
        self.loads, self.registers, self.files = [], None, []
        for i in range(count):
            kind, _, begin, address, _, length, _, _ = struct.unpack_from("<IIQQQQQQ", self.bytes, offset + i * size)
            if kind == PT_LOAD:
                self.loads.append((address, begin, length))
            elif kind == PT_NOTE:
                for number, blob in notes(self.bytes[begin:begin + length]):
                    if number == NT_PRSTATUS and self.registers is None:
                        self.registers = struct.unpack_from("<27Q", blob, 112)
                    elif number == NT_FILE:
                        rows, _ = struct.unpack_from("<QQ", blob)
                        names = blob[16 + rows * 24:].split(b"\0")
                        self.files = [(*struct.unpack_from("<QQ", blob, 16 + i * 24), names[i].decode()) for i in range(rows)]

    def file_at(self, address):
        return next((name for begin, end, name in self.files if begin <= address < end), None)

    def holds(self, address):
        return any(begin <= address < begin + length for begin, _, length in self.loads)


@pytest.fixture
def lab(quiet):
    yield quiet
    for row in quiet.json("n1", "ps"):
        quiet.run("n1", "kill", "-9", row["pid"], check=False)
    wait_for(lambda: quiet.json("n1", "ps") == [], "empty ps")


@pytest.mark.parametrize("how", ["QUIT", "ABRT", "SEGV", "abort"])
@pytest.mark.parametrize("host", ["n1", "n2"])
def test_a_core_holds_the_program(lab, tmp_path, host, how):
    program = lab.start("n1", "rove", "run", "--", "python3", "-c", PROGRAM, tmp_path)
    row = wait_for(lambda: (rows := lab.json("n1", "ps")) and rows[0], "row in ps")
    assert program.stdout.readline() == "1\n"
    if host != "n1":
        lab.run("n1", "rove", "move", row["pid"], host)
    for _ in range(1000):
        last = int(program.stdout.readline())
    number = getattr(signal, f"SIG{'ABRT' if how == 'abort' else how}")
    if how == "abort":
        (tmp_path / "die").touch()
    else:
        lab.run("n1", "kill", f"-{how}", row["pid"])
    last = max([last, *(int(line) for line in program.stdout)])
    assert program.wait(timeout=20) == 128 + number
    path, = tmp_path.glob("core*")
    core = Core(path)
    code = core.file_at(core.registers[RIP])
    assert code and ("python" in code or "libc" in code), f"{core.registers[RIP]:#x} is in {code}"
    assert core.holds(core.registers[RSP])
    assert any(b"round %d of many" % n in core.bytes for n in range(last, last + 3)), "its memory is not of its last moment"


def test_without_a_core_it_ends_where_it_is(lab, tmp_path):
    program = lab.start("n1", "rove", "run", "--", "python3", "-c", PROGRAM.replace("resource.setrlimit", "0 and resource.setrlimit"),
                        tmp_path, preexec_fn=lambda: __import__("resource").setrlimit(4, (0, 0)))
    row = wait_for(lambda: (rows := lab.json("n1", "ps")) and rows[0], "row in ps")
    assert program.stdout.readline() == "1\n"
    lab.run("n1", "rove", "move", row["pid"], "n2")
    lab.run("n1", "kill", "-QUIT", row["pid"])
    program.stdout.read()
    assert program.wait(timeout=20) == 128 + signal.SIGQUIT
    assert not list(tmp_path.glob("core*"))
