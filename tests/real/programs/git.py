# SPDX-License-Identifier: Apache-2.0
"""Git: commits, merges, collects garbage, clones and checks."""
from inputs import text_files
from program import Program, script

PROGRAM = Program(["bash", script("git.sh")], ["git"], inputs=[text_files])
