# SPDX-License-Identifier: Apache-2.0
"""make and gcc: a small tree, and what it makes is run."""
from inputs import makefile
from program import Program

PROGRAM = Program(["make", "-s", "-j2"], ["make", "gcc"], quick=True, inputs=[makefile], files=["answer", "*.o"])
