# SPDX-License-Identifier: Apache-2.0
"""tmux: a server, a client on a terminal, shells in windows; what they show is captured."""
from program import Program, script

PROGRAM = Program(["python3", script("type_tmux.py")], ["tmux", "python3"])
