# SPDX-License-Identifier: Apache-2.0
"""rsync: between directories, and from a server of its own."""
from inputs import small_file, text_files
from program import Program, script

PROGRAM = Program(["bash", script("rsync.sh")], ["rsync", "python3"], inputs=[text_files, small_file])
