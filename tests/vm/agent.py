#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""agent: what the virtual machine runs: commands that come through its serial port, one JSON object a line.

{"id", "argv", "env"} starts one; {"id", "status", "out", "err"} tells its end. They run side by side.
"""
import json
import os
import subprocess
import sys
import threading


def perform(order, answer):
    try:
        done = subprocess.run(order["argv"], env={**os.environ, **order.get("env", {})}, cwd="/run", capture_output=True,
                              stdin=subprocess.DEVNULL, text=True, errors="replace")
        answer({"id": order["id"], "status": done.returncode, "out": done.stdout, "err": done.stderr})
    except OSError as error:
        answer({"id": order["id"], "status": 127, "out": "", "err": str(error)})


def main():
    port = open(sys.argv[1], "r+b", buffering=0)
    turn = threading.Lock()

    def answer(what):
        with turn:
            port.write(json.dumps(what).encode() + b"\n")

    answer({"id": 0, "status": 0, "out": "", "err": ""})  # it has begun
    rest = b""
    while True:
        *lines, rest = (rest + (port.read(65536) or b"")).split(b"\n")
        for line in lines:
            threading.Thread(target=perform, args=(json.loads(line), answer), daemon=True).start()


if __name__ == "__main__":
    main()
