# SPDX-License-Identifier: Apache-2.0
"""tar with xz and zstd: packs, unpacks, compares."""
from inputs import small_file, text_files
from program import Program, script

PROGRAM = Program(["bash", script("tar.sh")], ["tar", "xz", "zstd"], inputs=[text_files, small_file], files=["*.xz", "*.zst"])
