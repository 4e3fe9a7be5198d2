# SPDX-License-Identifier: Apache-2.0
"""gcc: one large unit; four programs, one after the other."""
from inputs import c_source
from program import Program

PROGRAM = Program(["gcc", "-O2", "-w", "module.c", "-o", "module", "-lm"], ["gcc"], quick=True, inputs=[c_source], files=["module"])
