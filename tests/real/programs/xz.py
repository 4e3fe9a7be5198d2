# SPDX-License-Identifier: Apache-2.0
"""xz with one thread."""
from inputs import small_file
from program import Program

PROGRAM = Program(["xz", "-T1", "-6", "-c", "big"], ["xz"], quick=True, inputs=[small_file])
