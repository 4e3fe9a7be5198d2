# SPDX-License-Identifier: Apache-2.0
"""SQLite: one process, transactions and an integrity check."""
from program import Program, script

PROGRAM = Program(["sqlite3", "stress.db", f".read {script('stress.sql')}"], ["sqlite3"], quick=True)
