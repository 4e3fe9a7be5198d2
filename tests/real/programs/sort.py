# SPDX-License-Identifier: Apache-2.0
"""sort with two threads and temporary files."""
from inputs import lines_file
from program import Program

PROGRAM = Program(["sort", "-S", "2M", "--parallel=2", "-k2,2n", "-k1,1", "lines"], ["sort"], quick=True, inputs=[lines_file])
