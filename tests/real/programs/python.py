# SPDX-License-Identifier: Apache-2.0
"""Python: reads, counts, compresses, computes, in one thread."""
from inputs import text_files
from program import Program, script

PROGRAM = Program(["python3", script("words.py"), "texts", "10"], ["python3"], quick=True, inputs=[text_files], files=["packed.*"])
