#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tidy: the rules of the house style that a text search can check.

Each check is a function from the tree's root to a list of problems; CHECKS names them all. A check
is a test like any other: `./run test tidy`, `./run test banned_names`.
"""
import pathlib
import re
import sys

import layers

ROOT = pathlib.Path(__file__).resolve().parent.parent
BANNED_WORDS = {"manager", "handler", "helper", "helpers", "util", "utils", "common", "misc", "data", "info", "process2"}
# The kernel's own words, where we describe its structures.
KERNEL_NAMES = {"SignalInfo"}
SOURCE_SUFFIXES = (".cc", ".hh", ".h", ".c", ".S", ".def", ".lds", ".py", ".sh", ".cmake")
# Folders with a mechanism that needs explaining.
README_FOLDERS = ("guest", "migrate", "gossip", "syscalls")


def files(root, *globs):
    for glob in globs:
        for path in sorted(root.glob(glob)):
            if path.is_file() and not any(part.startswith("build") or part == "__pycache__" for part in path.relative_to(root).parts):
                yield path


def sources(root):
    return files(root, "src/**/*.cc", "src/**/*.hh", "src/**/*.h", "src/**/*.S", "src/**/*.def", "plugins/**/*.c", "plugins/**/*.h")


def text_files(root):
    for path in files(root, "*", "src/**/*", "tests/**/*", "tools/**/*", "docs/**/*", "plugins/**/*", "cmake/**/*", "packaging/**/*", "bench/**/*", ".ci/*"):
        if "corpus" in path.parts or path.suffix in (".svg", ".png", ".gz", ".bin", ".pyc"):
            continue
        yield path


def lines_of(root, paths):
    for path in paths:
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), 1):
            yield f"{path.relative_to(root)}:{number}", line


def check_map(root):
    """Each folder of src/ is in the dependency table and the code map, and nothing else is."""
    text = (root / "ARCHITECTURE.md").read_text()
    on_map = layers.table(text)
    there = {path.name for path in (root / "src").iterdir() if path.is_dir() and any(path.iterdir())}
    problems = [f"src/{name}/ is not in the table of ARCHITECTURE.md" for name in sorted(there - on_map.keys())]
    problems += [f"ARCHITECTURE.md: there is no src/{name}/" for name in sorted(on_map.keys() - there - {"blob"})]
    code_map = text.split("\n## 4", 1)[-1].split("\n## 5", 1)[0]
    problems += [f"ARCHITECTURE.md: the code map has no paragraph on `{name}/`" 
                 for name in sorted(there) if f"`{name}/`" not in code_map and f"`src/{name}/`" not in code_map]
    if len(text.splitlines()) > 250:
        problems.append("ARCHITECTURE.md: more than 250 lines")
    return problems


def check_reasons(root):
    """The words that the code gives as reasons and those of wire/reasons.def, which docs/reasons.md is made from, are the same."""
    table = set(re.findall(r"^ROW\((\w+),", (root / "src/wire/reasons.def").read_text(), re.M))
    said = set()
    problems = []
    given = re.compile(r'because\("(\w+)"|error_reason_ = "(\w+)"|X\(\d+, (\w+)\)|\bword = "(\w+)"|failed\(3,.*, "(\w+)"\)|find_reason\("(\w+)"\)')
    for place, line in lines_of(root, sources(root)):
        if "reasons.def" in place or "_test.cc" in place:
            continue
        said.update(re.findall(r'"(\w+)"', line))
        for found in given.findall(line):
            word = "".join(found)
            said.add(word)
            if word not in table and ("X(" not in line or "home_reason" in place):
                problems.append(f"{place}: the reason {word} is not in src/wire/reasons.def")
    return problems + [f"src/wire/reasons.def: nobody says {word}" for word in sorted(table - said)]


def check_paths(root):
    """Each path in backticks in the top-level documents exists, from the root or from src/."""
    problems = []
    for name in ("ARCHITECTURE.md", "HACKING.md", "STYLE.md", "README.md"):
        if not (root / name).exists():
            problems.append(f"{name} is missing")
            continue
        for number, line in enumerate((root / name).read_text().splitlines(), 1):
            for token in re.findall(r"`([A-Za-z_.][\w./-]*/[\w./-]*)`", line):
                # The blob's folder is generated, as is what a build directory holds.
                if token.startswith(("build", ".", "blob/")):
                    continue
                if not any((base / token).exists() or list(base.glob(token.rstrip("/") + ".*")) for base in (root, root / "src")):
                    problems.append(f"{name}:{number}: there is no {token}")
    return problems


def stories(text):
    """(line number, title, functions named) of each story of section 2: a paragraph that begins with its
    title in bold. Functions, and the types that act, stand in backticks; commands and paths are neither."""
    section = re.search(r"^## 2.*?(?=^## [^2])", text, re.M | re.S)
    found = []
    for story in re.finditer(r"^\*\*(.+?)\.\*\* (.*?)(?:\n\n|\Z)", section[0] if section else "", re.M | re.S):
        line = text[:section.start() + story.start()].count("\n") + 1
        names = re.findall(r"`(?:\w+::)*(\w+)(?:\(\))?`", story[2])
        found.append((line, story[1], [name for name in names if name not in ("rove", "roved")]))
    return found


def check_stories(root):
    """There are three stories, each names the functions of its steps, and those exist."""
    told = stories((root / "ARCHITECTURE.md").read_text())
    # Tests do not count: a story is told by the system.
    code = "\n".join(path.read_text() for path in sources(root) if not path.name.endswith("_test.cc"))
    problems = [] if len(told) >= 3 else [f"ARCHITECTURE.md: section 2 tells {len(told)} stories, not three"]
    for number, title, functions in told:
        if len(functions) < 3:
            problems.append(f"ARCHITECTURE.md:{number}: '{title}' names no function for its steps")
        for function in functions:
            # Called or defined, a label in assembly, a type, or an enumerator.
            if not re.search(rf"\b{function}\s*\(|^{function}:|\b(struct|class) {function}\b|^\s*{function}\b.*,", code, re.M):
                problems.append(f"ARCHITECTURE.md:{number}: there is no function {function}")
    return problems


def check_banned_names(root):
    """No file, folder or type is named by a word that hides the missing one."""
    problems = []
    for path in files(root, "src/**/*", "plugins/**/*", "tools/*", "tests/**/*"):
        if "corpus" in path.parts:
            continue
        for part in path.relative_to(root).parts:
            for word in re.split(r"[_.\-]", part):
                if word in BANNED_WORDS:
                    problems.append(f"{path.relative_to(root)}: banned name '{word}'")
    declared = re.compile(r"^\s*(?:template <[^>]*> )?(?:struct|class|enum class|namespace|using)\s+(?:\[\[\w+\]\] )?(\w+)\b(?!\s*;)")
    for where, line in lines_of(root, sources(root)):
        match = declared.match(line)
        if match and match[1] not in KERNEL_NAMES:
            for word in re.findall(r"[A-Z]?[a-z0-9]+", match[1]):
                if word.lower() in BANNED_WORDS:
                    problems.append(f"{where}: banned name '{word}' in {match[1]}")
    return problems


def check_spdx(root):
    """Each source file begins with its licence."""
    problems = []
    for path in text_files(root):
        head = path.read_bytes()[:300].decode(errors="replace").splitlines()[:2]
        script = bool(head) and head[0].startswith("#!")
        if path.suffix not in SOURCE_SUFFIXES and not script:
            continue
        if not head or "SPDX-License-Identifier: Apache-2.0" not in head[1 if script and len(head) > 1 else 0]:
            problems.append(f"{path.relative_to(root)}: no SPDX line")
    return problems


def check_first_words(root):
    """After the licence each file of src/ says in one sentence what it is."""
    problems = []
    for path in sources(root):
        head = path.read_text().splitlines()[1:2]
        if not head or not re.match(r"(//|#|/\*) ?\S.{10,}", head[0]):
            problems.append(f"{path.relative_to(root)}: line 2 does not say what the file is")
    return problems


def check_todo(root):
    """A TODO has a reason; there are no other marks."""
    problems = []
    for where, line in lines_of(root, text_files(root)):
        if where.startswith(("tools/tidy.py", "STYLE.md", "HACKING.md")):
            continue
        if re.search(r"\b(FIXME|XXX|HACK)\b(?!X)", line) and not re.search(r"XXXX", line):
            problems.append(f"{where}: write TODO: and the reason")
        if re.search(r"\bTODO\b", line) and not re.search(r"TODO: \S.{15,}", line):
            problems.append(f"{where}: a TODO without a reason")
    return problems


def check_readmes(root):
    """Folders with a mechanism explain it."""
    return [f"src/{name}/README.md is missing" for name in README_FOLDERS
            if (root / "src" / name).is_dir() and not (root / "src" / name / "README.md").exists()]


def check_in_step(root):
    """`KEEP IN STEP WITH path` stands on both sides."""
    problems = []
    for where, line in lines_of(root, sources(root)):
        if match := re.search(r"KEEP IN STEP WITH (\S+)", line):
            other = next((base / match[1] for base in (root, root / "src") if (base / match[1]).is_file()), None)
            own = where.rsplit(":", 1)[0].removeprefix("src/")
            if other is None:
                problems.append(f"{where}: there is no {match[1]}")
            elif f"KEEP IN STEP WITH {own}" not in other.read_text() and f"KEEP IN STEP WITH src/{own}" not in other.read_text():
                problems.append(f"{where}: {match[1]} does not point back")
    return problems


def check_sizes(root):
    """Lines of about 100 columns, 110 at the most, and files of at most 600 lines; tables may be wider and longer."""
    problems, wide = [], []
    for path in files(root, "src/**/*.cc", "src/**/*.hh"):
        text = path.read_text()
        rows = text.splitlines()
        if len(rows) > 600 and not path.name.endswith("_test.cc"):
            problems.append(f"{path.relative_to(root)}: {len(rows)} lines: what is the second idea in it?")
        formatted = True
        for number, row in enumerate(rows, 1):
            if "clang-format o" in row:
                formatted = "clang-format on" in row
            if formatted and len(row) > 110:
                wide.append(f"{path.relative_to(root)}:{number}: {len(row)} columns")
    if len(wide) > 5:
        wide[5:] = [f"{len(wide) - 5} more lines are too wide; ./run fmt breaks most"]
    return problems + wide


def check_machine_paths(root):
    """Nothing in the tree knows where it was written."""
    pattern = re.compile(r"/wo" r"rk/|/tmp/r" r"b/|/tmp/rove-bri" r"efs")
    return [f"{where}: a path of one machine" for where, line in lines_of(root, text_files(root)) if pattern.search(line)]


def check_sleeps(root):
    """Tests wait for events; a pause of half a second or more is a guess."""
    problems = []
    for where, line in lines_of(root, files(root, "src/**/*_test.cc", "tests/cluster/**/*.py", "tests/fault/**/*.py")):
        for seconds in re.findall(r"\bsleep(?:_for)?\((\d+(?:\.\d+)?)", line):
            if float(seconds) >= 0.5 and "'" not in line and '"' not in line:
                problems.append(f"{where}: sleeps in a test")
    return problems


def check_decisions(root):
    """Decisions are numbered pages with the four parts."""
    problems = []
    for path in files(root, "docs/decisions/*"):
        name = path.relative_to(root)
        if not re.fullmatch(r"\d{4}-[a-z0-9-]+\.md", path.name):
            problems.append(f"{name}: not named NNNN-title.md")
        for part in ("Context", "Decision", "Consequences", "Alternatives considered"):
            if f"## {part}" not in path.read_text():
                problems.append(f"{name}: no part '{part}'")
    return problems


CHECKS = {
    "layers": layers.check,
    "map": check_map,
    "reasons": check_reasons,
    "paths": check_paths,
    "stories": check_stories,
    "banned_names": check_banned_names,
    "spdx": check_spdx,
    "first_words": check_first_words,
    "todo": check_todo,
    "readmes": check_readmes,
    "in_step": check_in_step,
    "sizes": check_sizes,
    "machine_paths": check_machine_paths,
    "sleeps": check_sleeps,
    "decisions": check_decisions,
}


def main(names):
    failed = 0
    chosen = [name for name in CHECKS if not names or any(part in name for part in names)]
    for name in chosen:
        problems = CHECKS[name](ROOT)
        for problem in problems:
            print(f"tidy {name}: {problem}")
        failed += bool(problems)
    print(f"{len(chosen) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
