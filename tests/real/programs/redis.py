# SPDX-License-Identifier: Apache-2.0
"""Redis under redis-benchmark; the server is what is moved."""
from program import Program, script

PROGRAM = Program(["bash", script("redis.sh")], ["redis-server", "redis-benchmark"], quick=True, tells=True)
