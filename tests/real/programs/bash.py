# SPDX-License-Identifier: Apache-2.0
"""Bash: a script as people write them."""
from inputs import text_files
from program import Program, script

PROGRAM = Program(["bash", script("words.sh"), "texts", "6"], ["bash"], quick=True, inputs=[text_files])
