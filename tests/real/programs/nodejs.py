# SPDX-License-Identifier: Apache-2.0
"""Node.js: worker threads, the thread pool, a server and its clients, another process."""
from inputs import text_files
from program import Program, script

PROGRAM = Program(["node", script("crowd.js"), "texts"], ["node"], inputs=[text_files])
