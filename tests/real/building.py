# SPDX-License-Identifier: Apache-2.0
"""Building: makes, once and natively, the programs that are written for these tests. Nothing is fetched."""

import os
import pathlib
import shutil
import subprocess

from modes import PATH
from program import script


def complaint_of(command, **more):
    """Runs it; what it said if it failed, or None."""
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=600, **more)
    return (done.stderr + done.stdout)[-2000:] if done.returncode else None


def go(source):
    """Builds a Go program, from source alone."""

    def build(folder):
        folder.mkdir(parents=True, exist_ok=True)
        environment = {**os.environ, "GOCACHE": str(folder / "go-cache"), "GO111MODULE": "off", "GOFLAGS": ""}
        output = folder / source.removesuffix(".go")
        return complaint_of([shutil.which("go", path=PATH), "build", "-o", output, script(source)], env=environment)

    return build


def java(source):
    def build(folder):
        folder.mkdir(parents=True, exist_ok=True)
        return complaint_of(["javac", "-d", folder / "java", script(source)])

    return build


# Of the tree that Debian ships as binutils-source: what libiberty is built of.
PARTS = ("libiberty", "include", "config", "config-ml.in", "config.guess", "config.sub", "install-sh", "move-if-change", "mkinstalldirs")
TREE = "libiberty-tree"


def libiberty(folder):
    """Unpacks and configures libiberty."""
    tree = folder / TREE
    if (tree / "build/libiberty/Makefile").exists():
        return None
    shutil.rmtree(tree, ignore_errors=True)
    (tree / "build/libiberty").mkdir(parents=True)
    archives = sorted(pathlib.Path("/usr/src/binutils").glob("binutils-*.tar.xz"))
    if not archives:
        return "needs the package binutils-source"
    parts = [f"{archives[-1].name.removesuffix('.tar.xz')}/{part}" for part in PARTS]
    return (complaint_of(["tar", "-xf", archives[-1], "--strip-components=1", "-C", tree, *parts]) or
            complaint_of(["../../libiberty/configure"], cwd=tree / "build/libiberty"))
