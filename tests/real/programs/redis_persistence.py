# SPDX-License-Identifier: Apache-2.0
"""Redis: snapshots by fork, its log written anew, and the same data after it was started again."""
from program import Program, script

PROGRAM = Program(["bash", script("redis_persistence.sh")], ["redis-server", "redis-cli"])
