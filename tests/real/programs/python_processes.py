# SPDX-License-Identifier: Apache-2.0
"""Python: subprocess, multiprocessing, executors, asyncio with other processes."""
from program import Program, script

PROGRAM = Program(["python3", script("processes.py")], ["python3"])
