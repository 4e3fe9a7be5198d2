#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""layers: refuses an include that the dependency table of ARCHITECTURE.md does not allow.

The build links by the same table (cmake/map.cmake). Beyond it a few rules of the house style:
freestanding folders use no library, of deputy/ and guest/ hosted code sees the shared page alone,
each big library stays in the folders that wrap it, pure folders touch nothing.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
FREESTANDING = {"abi", "syscalls", "wire", "seal", "rt", "deputy", "guest"}
# Headers that freestanding code may use: no library stands behind them.
BARE_HEADERS = re.compile(r"(stdint|stddef|stdarg|limits|inttypes)\.h$|(linux|asm|asm-generic)/|(cstdint|cstddef|immintrin\.h|cpuid\.h)$")
# Which folders may include a big library.
LIBRARY_FOLDERS = {
    r"openssl/": {"net"},
    r"boost/": {"node", "client", "cli", "lab", "ui"},
    r"spdlog/": {"node"},
    r"toml\+\+/": {"node", "sim"},
    r"CLI/": {"cli", "sim"},
    r"n?curses\.h": {"cli"},
    r"cap-ng\.h": {"sandbox"},
    r"zlib\.h": {"sim"},
    r"xxhash\.h": {"migrate", "warden"},
}
PURE = {"policy", "gossip", "core", "mailbox"}
PURE_BANNED = re.compile(r"\b(clock_gettime|monotonic_now|real_now|boottime_now|LOG|printf|std::rand|random_device|socket|poll|getenv)\s*\(|#include <(chrono|iostream|fstream|unistd\.h|sys/|boost/|spdlog/)")


def table(text):
    """folder -> set of folders that it may use, from the markdown table."""
    found, inside = {}, False
    for line in text.splitlines():
        if line.startswith("| folder | may use |"):
            inside = True
        elif inside and (match := re.match(r"\| `([a-z_]+)/` \|([a-z_ ]*)\|", line)):
            found[match[1]] = set(match[2].split())
        elif inside and not line.startswith("|"):
            inside = False
    return found


def in_tests(path):
    """Unit tests and what they share; only test binaries have it."""
    return path.name.endswith("_test.cc") or path.parent.name == "testing"


def reach(folder, allowed):
    """All folders that are linked with folder: what its tests may use."""
    found, wanted = set(), [folder]
    while wanted:
        for used in allowed.get(wanted.pop(), ()):
            if used not in found:
                found.add(used)
                wanted.append(used)
    return found


def hosted_part(path):
    """Files of freestanding folders that are compiled for programs alone: by name, or by saying
    `hosted` in their first comment."""
    if in_tests(path) or "_hosted." in path.name or path.name in ("names.cc", "names.hh"):
        return True
    head = "".join(line for line in path.read_text().splitlines()[:12] if line.startswith("//"))
    return re.search(r"\bhosted\b", head, re.I) is not None


def check_include(folder, path, name, quoted, allowed):
    """What is wrong with one include, or None."""
    used = name.split("/")[0]
    if quoted:
        if "/" not in name:
            return f'"{name}": write the path from src/'
        if used == folder:
            return None
        if used in ("tests", "sim", "plugins"):
            return f"nothing may use {used}/"
        if in_tests(path):
            return None if used in reach(folder, allowed) else f"the tests of {folder}/ may not use {used}/"
        if used not in allowed.get(folder, set()):
            return f"{folder}/ may not use {used}/"
        if used in ("deputy", "guest") and folder not in FREESTANDING and not name.endswith("/control.hh"):
            return f"of {used}/, hosted code sees control.hh alone"
        return None
    if folder in FREESTANDING and not hosted_part(path) and not BARE_HEADERS.match(name):
        return f"<{name}> in a freestanding folder"
    for library, folders in LIBRARY_FOLDERS.items():
        if re.match(library, name) and folder not in folders:
            return f"<{name}> belongs to {' '.join(sorted(folders))}"
    return None


def check(root=ROOT):
    """All problems of the tree, as lines."""
    allowed = table((root / "ARCHITECTURE.md").read_text())
    problems = []
    for folder, uses in allowed.items():
        for used in sorted(uses - allowed.keys()):
            problems.append(f"ARCHITECTURE.md: {folder}/ may use {used}/, which is not in the table")
        if folder in FREESTANDING and uses - FREESTANDING:
            problems.append(f"ARCHITECTURE.md: {folder}/ is freestanding and may not use hosted folders")
    for path in sorted(root.glob("src/*/**/*")):
        if path.suffix not in (".cc", ".hh", ".h", ".S", ".def"):
            continue
        folder = path.relative_to(root / "src").parts[0]
        if folder not in allowed:
            continue  # tidy reports folders that are not on the map
        for number, line in enumerate(path.read_text().splitlines(), 1):
            where = f"{path.relative_to(root)}:{number}"
            if match := re.match(r'\s*#\s*include\s+(["<])([^">]+)[">]', line):
                if wrong := check_include(folder, path, match[2], match[1] == '"', allowed):
                    problems.append(f"{where}: {wrong}")
            if folder in PURE and not path.name.endswith("_test.cc") and PURE_BANNED.search(line):
                problems.append(f"{where}: {folder}/ is pure: no clock, no log, no I/O")
    return problems


if __name__ == "__main__":
    found = check()
    print("\n".join(found) or "layers: ok")
    sys.exit(1 if found else 0)
