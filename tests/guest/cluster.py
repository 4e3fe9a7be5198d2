# SPDX-License-Identifier: Apache-2.0
"""Cluster: a lab of three nodes, used by nothing but the command line of `rove`.

Programs are started on n1, their home; n2 and n3 are where they are moved to. The lab is taken down in all cases.
"""

import contextlib
import json
import os
import subprocess

HOME, HOSTS = "n1", ("n2", "n3")


class Cluster:
    def __init__(self, rove, name, more=(), config=""):
        self.rove, self.name, self.more = str(rove), name, list(more)  # more: options of every `rove run`
        self.config = config  # more lines of the nodes' configuration
        self.options_of_run = ""

    def up(self):
        done = subprocess.run(
            [self.rove, "lab", "up", "--name", self.name, "--nodes", "3", "--cpus", "0", "--mem", "0"],
            capture_output=True, text=True, timeout=120,
            env=dict(os.environ, ROVE_LAB_CONFIG=f"policy.auto = false\n{self.config}"),  # the runner says who goes where
        )
        if done.returncode != 0:
            raise SystemExit(f"rove lab up failed ({done.returncode}): {done.stderr.strip()}")
        self.learn_options()

    def learn_options(self):
        """Which options `rove run` has: work that is not done yet shows as a usage error, and its modes are skipped."""
        done = subprocess.run([self.rove, "run", "--help"], capture_output=True, text=True, timeout=30)
        self.options_of_run = done.stdout + done.stderr

    def has(self, option):
        return option in self.options_of_run

    def down(self):
        with contextlib.suppress(subprocess.TimeoutExpired):
            subprocess.run(
                [self.rove, "lab", "down", "--name", self.name], capture_output=True, timeout=60
            )

    def command(self, node, words):
        return [self.rove, "lab", "run", "--name", self.name, node, "--", *words]

    def ask(self, words, node=HOME, limit=30):
        """Runs `rove words…` on a node: (exit status, standard output, standard error). 124 if it hangs."""
        try:
            done = subprocess.run(
                self.command(node, [self.rove, *words]),
                capture_output=True, text=True, timeout=limit, stdin=subprocess.DEVNULL,
            )
        except subprocess.TimeoutExpired:
            return 124, "", f"rove {' '.join(words)} did not end within {limit} s"
        return done.returncode, done.stdout, done.stderr

    def move(self, pid, node, every=False):
        return self.ask(["move", str(pid), node, "--json", *(["--all"] if every else [])])

    def host_of(self, pid):
        """Where ps says that the process is; None if it is not listed."""
        row = self.row_of(pid)
        return row and row["host"]

    def row_of(self, pid):
        status, out, _ = self.ask(["ps", "--json"])
        return next((row for row in json.loads(out or "[]") if row["pid"] == pid), None) if status == 0 else None

    def log(self, node):
        done = subprocess.run(
            [self.rove, "lab", "log", "--name", self.name, node], capture_output=True, text=True, timeout=30
        )
        return done.stdout


def processes_with(variable):
    """PIDs, on this machine, of processes whose environment holds exactly this NAME=value: those of one case."""
    wanted, found = variable.encode(), []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError):
                with open(f"/proc/{entry}/environ", "rb") as file:
                    if wanted in file.read().split(b"\0"):
                        found.append(int(entry))
    return found
