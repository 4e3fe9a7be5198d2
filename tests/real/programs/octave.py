# SPDX-License-Identifier: Apache-2.0
"""Octave: matrices, files, another process."""
from program import Program, script

PROGRAM = Program(["octave-cli", "-q", "--norc", "--no-history", script("matrices.m")], ["octave-cli"])
