# SPDX-License-Identifier: Apache-2.0
"""Python: threads with queues, sockets, asyncio."""
from program import Program, script

PROGRAM = Program(["python3", script("threads.py"), "60"], ["python3"], quick=True)
