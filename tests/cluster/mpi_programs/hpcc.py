# SPDX-License-Identifier: Apache-2.0
"""The HPC Challenge: HPL, PTRANS, DGEMM, STREAM, RandomAccess, FFT, bandwidth and latency; those that compute verify their results."""
import re
from pathlib import Path

from mpi_programs import Program

EXAMPLE = Path("/usr/share/doc/hpcc/examples/_hpccinf.txt")
SIDE = 800  # of HPL's matrix


def prepare(folder):
    text = EXAMPLE.read_text()
    (folder / "hpccinf.txt").write_text(re.sub(r"^1000(\s+Ns)", rf"{SIDE}\1", text, flags=re.M))


def verdict(_, folder):
    text = (folder / "hpccoutf.txt").read_text()
    assert "Success=1\n" in text, text[-3000:]
    assert "FAILED" not in text.replace("0 tests completed and FAILED", ""), [line for line in text.splitlines() if "FAILED" in line]
    passed = re.findall(r"PASSED|tests completed and passed[^\n]*", text)
    errors = re.findall(r"^(\w*(?:Errors|Failure|Success))=(\d+)$", text, re.M)
    return f"{len(passed)} passed; " + ", ".join(f"{name} {count}" for name, count in errors)


PROGRAM = Program("hpcc", ["hpcc"], 4, verdict, prepare)
