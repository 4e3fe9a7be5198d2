#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""check_blob: refuses a runtime blob that could not live in other people's processes.

usage: check_blob.py runtime.elf object...

No undefined symbol, no absolute relocation, no constructor, no writable data, no unwind tables, a
size under the limit, no dynamic section that asks for a loader, no `syscall` instruction outside of
the objects of src/rt/, and no vector register but in the cores of src/seal/, which are called by what
keeps the program's.
"""
import re
import subprocess
import sys

SIZE_MAX = 512 * 1024


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def sections(elf):
    """name -> (size, flags) of every section."""
    found = {}
    for line in output("readelf", "-SW", elf).splitlines():
        match = re.match(r"\s*\[\s*\d+\]\s+(\S+)\s+(\S+)\s+[0-9a-f]+\s+[0-9a-f]+\s+([0-9a-f]+)\s+\S+\s+([A-Za-z]*)\s", line)
        if match:
            found[match[1]] = (int(match[3], 16), match[4])
    return found


def check_image(elf):
    problems = []
    for line in output("nm", "-u", elf).splitlines():
        problems.append(f"undefined symbol {line.split()[-1]}")
    for line in output("readelf", "-rW", elf).splitlines():
        if re.match(r"[0-9a-f]{8,}", line):
            problems.append(f"relocation left: {' '.join(line.split())}")
    total = 0
    for name, (size, flags) in sections(elf).items():
        if "A" not in flags or size == 0:
            continue
        total += size
        if re.match(r"\.(init_array|fini_array|ctors|dtors|init|fini)", name):
            problems.append(f"constructors: section {name} of {size} bytes")
        elif "W" in flags and name not in (".dynamic", ".got", ".got.plt"):
            problems.append(f"writable data: section {name} of {size} bytes")
        elif "T" in flags:
            problems.append(f"thread-local data: section {name}")
        elif name in (".interp",):
            problems.append("the image asks for a dynamic loader")
    if total > SIZE_MAX:
        problems.append(f"{total} bytes exceed the limit of {SIZE_MAX}")
    return problems


def may_use_vectors(path, function, line):
    """The cores of seal/ may, in legacy encodings, and what keeps registers for them may store and load them."""
    if "/src/seal/" not in path or re.search(r"%[yz]mm|%k[0-9]|\tv", line):
        return False
    return "_core" in function or re.search(r"\tmovaps +(%xmm\d+,0x|%xmm\d+,\(|0x|\()", line) is not None


def check_object(path):
    """An object's absolute relocations (the linker script may drop the image's own list of them),
    its `syscall` instructions: only rt/ may enter the kernel, every other folder calls rt's wrappers,
    and its vector registers."""
    problems = []
    section = ""
    for line in output("readelf", "-rW", path).splitlines():
        if line.startswith("Relocation section"):
            section = line.split("'")[1].removeprefix(".rela")
        elif re.search(r" R_X86_64_(64|32|32S|GLOB_DAT|TPOFF\w*) ", line) and not re.match(r"\.(debug|note|eh_frame)", section):
            problems.append(f"{path}: absolute relocation in {section}: {' '.join(line.split()[2:])}")
    function = "?"
    for line in output("objdump", "-d", "--no-show-raw-insn", path).splitlines():
        match = re.match(r"[0-9a-f]+ <(.+)>:", line)
        if match:
            function = match[1]
        elif re.search(r"\t(syscall|sysenter|int +\$0x80)\b", line) and "/src/rt/" not in path:
            problems.append(f"{path}: `syscall` outside of rt/, in {function}")
        elif re.search(r"%([xyz]?mm|k)[0-9]|\tvzero", line) and not may_use_vectors(path, function, line):
            problems.append(f"{path}: a vector register in {function}:{line.partition(':')[2]}")
    return problems


def main(arguments):
    if not arguments or arguments[0] in ("-h", "--help"):
        print(__doc__)
        return 2
    problems = check_image(arguments[0])
    for path in arguments[1:]:
        problems += check_object(path)
    for problem in problems:
        print(f"check_blob: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
