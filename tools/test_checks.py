# SPDX-License-Identifier: Apache-2.0
"""The checks themselves: each finds what it is there for, in a small tree that is wrong in one way."""
import json
import pathlib
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import layers  # noqa: E402
import leaks  # noqa: E402
import testall  # noqa: E402
import tidy  # noqa: E402

TABLE = """# Map

## 2 Stories

**A start.** It begins with `begin`, then `begin` and `begin`.

**A middle.** With `begin`, then `begin` and `begin`.

**An end.** With `begin`, then `begin` and `begin`.

## 4 Code map

* `base/` and `abi/`

## 5 Table

| folder | may use |
|---|---|
| `base/` | |
| `abi/` | |
| `sys/` | base |
"""
SPDX = "// SPDX-License-Identifier: Apache-2.0\n"


@pytest.fixture
def tree(tmp_path):
    def write(**files):
        (tmp_path / "ARCHITECTURE.md").write_text(TABLE)
        for name in ("README.md", "STYLE.md", "HACKING.md"):
            (tmp_path / name).write_text("text\n")
        for folder in ("base", "abi", "sys"):
            (tmp_path / "src" / folder).mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            path = tmp_path / "src" / name.replace("__", "/").replace("_DOT_", ".")
            path.write_text(SPDX + "// Thing: a sentence about it.\n" + content)
        return tmp_path

    return write


def test_layers_accept_what_the_table_allows(tree):
    assert layers.check(tree(sys__a_DOT_cc='#include "base/fd.hh"\n#include "sys/b.hh"\n#include <vector>\n')) == []


@pytest.mark.parametrize("name, line, wrong", [
    ("base__a_DOT_cc", '#include "sys/b.hh"', "base/ may not use sys/"),
    ("base__a_DOT_cc", '#include "b.hh"', "path from src/"),
    ("abi__a_DOT_hh", "#include <string>", "freestanding"),
    ("base__a_DOT_cc", "#include <openssl/evp.h>", "belongs to net"),
])
def test_layers_refuse(tree, name, line, wrong):
    problems = layers.check(tree(**{name: line + "\n"}))
    assert len(problems) == 1 and wrong in problems[0]


@pytest.mark.parametrize("check, content, wrong", [
    ("banned_names", "class LoadManager {\n", "Manager"),
    ("todo", "// TODO: fix\n", "without a reason"),
    ("in_step", "// KEEP IN STEP WITH base/b.hh\n", "there is no"),
    ("sizes", "x" * 200 + "\n", "columns"),
])
def test_tidy_finds(tree, check, content, wrong):
    problems = tidy.CHECKS[check](tree(base__a_DOT_hh=content))
    assert len(problems) == 1 and wrong in problems[0]


def test_stories_want_functions_that_exist(tree):
    assert tidy.check_stories(tree(base__a_DOT_cc="void begin() {}\n")) == []
    assert any("there is no function begin" in problem for problem in tidy.check_stories(tree(base__a_DOT_cc="int x;\n")))


def test_map_wants_each_folder(tree):
    root = tree(base__a_DOT_cc="")
    (root / "src/extra").mkdir()
    (root / "src/extra/a.cc").write_text("")
    problems = "\n".join(tidy.check_map(root))
    assert "src/extra/ is not in the table" in problems


def test_leaks_are_differences():
    before = {"processes": ["a", "a"], "rove_descriptors": ["roved socket:"], "rove_memory_kib": 100, "files": []}
    after = {"processes": ["a", "a", "a"], "rove_descriptors": ["roved socket:", "roved socket:"], "rove_memory_kib": 200, "files": ["/x"]}
    assert leaks.compare(before, before) == []
    assert leaks.compare(before, after) == ["processes: a", "rove_descriptors: roved socket:", "files: /x"]


def test_leaks_sees_its_own_machine():
    found = json.loads(subprocess.run([sys.executable, leaks.__file__], capture_output=True, text=True, check=True).stdout)
    assert found["mounts"] and found["namespaces"] and not leaks.compare(found, found)


def test_counts_add_up():
    total = testall.Outcome(passed=2)
    total.add(testall.Outcome(passed=1, failures=[("a", "b", "c")], skips=[("d", "e")], failed_elsewhere=1))
    assert total.line() == "3 passed, 2 failed, 1 skipped"


# A blob of one object; what it is made of decides whether it may live in other people's processes.
@pytest.mark.parametrize("code, wrong", [
    ("int twice(int n) { return 2 * n; }", None),
    ("int table[2] = {1, 2}; int get(int n) { return table[n]++; }", "writable data"),
    ("char const* const names[] = {\"a\", \"b\"}; char get(int n) { return names[n][0]; }", "absolute relocation"),
    ("int other(int); int get(int n) { return other(n); }", "relocation left"),
    ("long get() { long r; asm volatile(\"syscall\" : \"=a\"(r) : \"0\"(39) : \"rcx\", \"r11\"); return r; }", "outside of rt/"),
    ("double half(double x) { return x / 2; }", "a vector register in"),
])
def test_blob_check(tmp_path, code, wrong):
    source = tmp_path / "a.cc"
    source.write_text(code)
    flags = ["-O1", "-ffreestanding", "-fPIE", "-fno-asynchronous-unwind-tables", "-fcf-protection=none", "-fvisibility=hidden"]
    subprocess.run(["g++", *flags, "-c", str(source), "-o", str(tmp_path / "a.o")], check=True)
    subprocess.run(["ld", "-pie", "--no-dynamic-linker", "-z", "norelro", "--unresolved-symbols=ignore-all",
                    "--entry=0", "-o", str(tmp_path / "a.elf"), str(tmp_path / "a.o")], check=True, capture_output=True)
    check = pathlib.Path(__file__).resolve().parent / "check_blob.py"
    done = subprocess.run([sys.executable, check, tmp_path / "a.elf", tmp_path / "a.o"], capture_output=True, text=True)
    assert (done.returncode == 0) == (wrong is None), done.stderr
    assert wrong is None or wrong in done.stderr


def test_the_unit_leaves_keepers_and_their_state_alone():
    """Whatever systemd does to the daemon, programs that are away live on; see roved.service."""
    tree = pathlib.Path(__file__).resolve().parents[1]
    unit = (tree / "packaging/systemd/roved.service").read_text()
    set_to = dict(line.split("=", 1) for line in unit.splitlines() if "=" in line and not line.startswith("#"))
    assert set_to["KillMode"] == "process" and set_to["OOMPolicy"] == "continue" and set_to["Delegate"] == "yes"
    assert set_to["RuntimeDirectory"] == "rove" and set_to["RuntimeDirectoryPreserve"] == "yes"
