# SPDX-License-Identifier: Apache-2.0
"""Perl: forks, pipes, sockets, alarms."""
from inputs import text_files
from program import Program, script

PROGRAM = Program(["perl", script("processes.pl"), "texts"], ["perl"], inputs=[text_files])
