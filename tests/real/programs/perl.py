# SPDX-License-Identifier: Apache-2.0
"""Perl: hashes, regular expressions, files."""
from inputs import text_files
from program import Program, script

PROGRAM = Program(["perl", script("words.pl"), "texts", "5"], ["perl"], quick=True, inputs=[text_files], files=["counts.*"])
