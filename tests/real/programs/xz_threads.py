# SPDX-License-Identifier: Apache-2.0
"""xz with two threads."""
from inputs import small_file
from program import Program

PROGRAM = Program(["xz", "-T2", "-4", "--block-size=500000", "-k", "big"], ["xz"], quick=True, inputs=[small_file], files=["big.xz"])
