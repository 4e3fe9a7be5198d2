# SPDX-License-Identifier: Apache-2.0
"""cluster: the labs in which everything is measured, and the programs started in them.

What compares costs has two nodes (or three) without limits, each pinned to a CPU of its own where the machine has two, so that the ends
of a connection are never on the same one; or both to the same one, where CPUs may not be compared with
each other. What is about balancing has nodes of a part of a core, on which things move by themselves. Everything goes through the `rove` command.
"""
import contextlib
import json
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
BIN = pathlib.Path(os.environ.get("ROVE_BIN", ROOT / "build/bin"))
ROVE = str(BIN / "rove")
SOURCES = ROOT / "bench/src"
LIMIT_S = 180  # after which a command is taken for hung
HOME, HOST = "n1", "n2"


class Broken(Exception):
    """Something that a measurement needs did not work; the sentence says what."""


def progress(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def build(directory):
    """The measured programs, compiled into that directory."""
    library = BIN.parent / "lib"
    for source in sorted(SOURCES.glob("*.c")):
        link = [f"-I{ROOT / 'include'}", f"-L{library}", "-lrove", f"-Wl,-rpath,{library}"] if "rove.h" in source.read_text() else []
        subprocess.run(["cc", "-O2", "-o", str(directory / source.stem), str(source), *link], check=True)


class Lab:
    """`words` are those of `rove lab up`; without them nodes have no limits and the first two are pinned."""

    def __init__(self, programs, same_cpu=False, nodes=2, words=None, automatic=False, keeps=False, mode="auto", encrypt=False):
        self.nodes, self.words, self.automatic = nodes, words, automatic
        self.config = "policy.auto = false" + ("" if keeps else '\nguests.keep = "0"')  # each way out is a first one
        self.config += f'\nmove.mode = "{mode}"' + "\nlink.encrypt = true" * encrypt
        self.name = f"bench-{os.getpid()}"
        self.programs = programs
        self.children = []
        self.up = False
        self.told = f"{nodes} lab nodes on one machine, "
        if words:
            self.told += " ".join(words)
        else:
            cpus = sorted(os.sched_getaffinity(0))
            host_cpu = cpus[0] if same_cpu else cpus[-1]
            self.told += "no limits, " + ("both pinned to one CPU" if host_cpu == cpus[0] else "each pinned to its own CPU")
            self.words = ["--cpus", "0", "--mem", "0", "--rate", "0", "--node", f"{HOME}:cpuset={cpus[0]}", "--node", f"{HOST}:cpuset={host_cpu}"]

    def __enter__(self):
        self.up = True
        try:
            self.lab("up", "--nodes", str(self.nodes), *self.words)
            self.address = {row["name"]: row["address"] for row in json.loads(self.lab("status", "--json"))}
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for child in self.children:
            child.end()
        if self.up:
            self.up = False
            subprocess.run([ROVE, "lab", "down", "--name", self.name], stdin=subprocess.DEVNULL, capture_output=True, timeout=LIMIT_S)

    def lab(self, verb, *words):
        done = subprocess.run([ROVE, "lab", verb, "--name", self.name, *words], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=LIMIT_S,
                              env=os.environ if self.automatic else dict(os.environ, ROVE_LAB_CONFIG=self.config))
        if done.returncode:
            raise Broken(f"rove lab {verb} failed with {done.returncode}: {done.stderr.strip()}")
        return done.stdout

    def argv(self, node, *command):
        return [ROVE, "lab", "run", "--name", self.name, node, "--", *command]

    def run(self, node, *command):
        """What the command prints on that node."""
        done = subprocess.run(self.argv(node, *command), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT_S)
        if done.returncode:
            raise Broken(f"{' '.join(command)} on {node} failed with {done.returncode}: {done.stderr.strip()}")
        return done.stdout

    def program(self, name):
        return str(self.programs / name)

    @contextlib.contextmanager
    def running(self, node, *command, native=False, options=("--stay",)):
        """A program that says `ready`, started by `rove run` unless it is to be native; ended in the end."""
        child = Running(self, node, command, [] if native else [ROVE, "run", *options, "--"])
        self.children.append(child)
        try:
            child.expect("ready")
            yield child
        finally:
            child.end()
            self.children.remove(child)

    def move(self, pid, node, home=HOME):
        """The figures of a move."""
        figures = json.loads(self.run(home, ROVE, "move", str(pid), node, "--json"))
        progress(f"  {pid} {figures['from']} → {figures['to']}: {figures['bytes'] / 1e6:.1f} MB, freeze {figures['freeze_ms']:.1f} ms, "
                 f"total {figures['total_ms']:.1f} ms")
        return figures


class Running:
    """A program in the lab with its standard input and output; `pid` is that in its node."""

    def __init__(self, lab, node, command, front):
        self.lab, self.node, self.command = lab, node, command
        # The shell becomes the program, so the number it prints is the program's.
        script = 'echo $$; exec "$@"'
        self.process = subprocess.Popen(lab.argv(node, "sh", "-c", script, "sh", *front, *command), text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.pid = int(self.line())

    def line(self):
        text = self.process.stdout.readline()
        if not text:
            raise Broken(f"{' '.join(self.command)} ended with {self.process.wait()} when an answer was wanted")
        return text.strip()

    def expect(self, word):
        if (text := self.line()) != word:
            raise Broken(f"{self.command[0]} said '{text}', not '{word}'")

    def ask(self, line=""):
        """Writes a line to the program and returns the numbers of its answer."""
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return [float(word) for word in self.line().split()]

    def end(self):
        if self.process.poll() is None:
            # The relay's end is not the program's, so the program is killed in its node.
            with contextlib.suppress(Exception):
                self.lab.run(self.node, "kill", "-KILL", str(self.pid))
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout=10)
            self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            with contextlib.suppress(OSError):
                pipe.close()


def conditions(lab):
    """What the numbers hold for; without a lab: what is simulated."""
    model = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    commit = subprocess.run(["git", "-C", str(ROOT), "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True)
    changed = subprocess.run(["git", "-C", str(ROOT), "status", "--porcelain", "-uno", "src"], capture_output=True, text=True)
    load = os.getloadavg()
    now = subprocess.run(["date", "-u", "+%Y-%m-%d %H:%M UTC"], capture_output=True, text=True).stdout.strip()
    return {"cpu": model.group(1).strip() if model else "unknown", "cpus": len(os.sched_getaffinity(0)),
            "kernel": f"{os.uname().sysname} {os.uname().release}", "date": now,
            "commit": (commit.stdout.strip() or "none") + (", changed" if changed.stdout.strip() else ""),
            "load": " ".join(f"{value:.2f}" for value in load),
            "nodes": lab.told if lab else "simulated"}
