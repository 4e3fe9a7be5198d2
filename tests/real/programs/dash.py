# SPDX-License-Identifier: Apache-2.0
"""dash: a POSIX script."""
from inputs import text_files
from program import Program, script

PROGRAM = Program(["dash", script("posix.sh"), "texts"], ["dash"], inputs=[text_files])
