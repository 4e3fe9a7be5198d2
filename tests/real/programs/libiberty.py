# SPDX-License-Identifier: Apache-2.0
"""make and gcc build a real tree: libiberty, as binutils ship it; its own tests judge the result."""
from building import TREE, libiberty
from program import Program, script

PROGRAM = Program(["sh", script("libiberty.sh"), "{build}/" + TREE], ["make", "gcc", "tar", "xz"],
                  build=libiberty, files=["build/libiberty/*.o", "build/libiberty/libiberty.a"])
