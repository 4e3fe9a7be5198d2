# SPDX-License-Identifier: Apache-2.0
"""vim on a terminal, typed to."""
from inputs import text_files
from program import Program, script

PROGRAM = Program(["python3", script("type_vim.py"), "texts/0.txt"], ["vim", "python3"], inputs=[text_files], files=["texts/0.txt"])
