# SPDX-License-Identifier: Apache-2.0
"""nginx with two workers, under wrk; then every file is fetched and compared."""
from inputs import text_files
from program import Program, script

PROGRAM = Program(["bash", script("nginx.sh"), script("fetch.py")], ["nginx", "wrk", "python3"], inputs=[text_files])
