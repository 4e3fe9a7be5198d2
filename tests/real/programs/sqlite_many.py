# SPDX-License-Identifier: Apache-2.0
"""SQLite: three processes write to one database, with both kinds of journal."""
from program import Program, script

PROGRAM = Program(["bash", script("sqlite.sh")], ["sqlite3"])
