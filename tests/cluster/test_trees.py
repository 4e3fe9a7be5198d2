# SPDX-License-Identifier: Apache-2.0
"""Process trees away: children and other programs run where their parent does."""
import json

from conftest import wait_for


def test_children_live_where_their_parent_is(quiet, tmp_path):
    """Neither fork nor exec brings a program home, and each of its processes runs away."""
    report = tmp_path / "report.json"
    inner = "/bin/true && (exit 3); echo $? && exec /bin/sleep 100"
    program = quiet.start("n1", "rove", "run", "--on", "n2", "--report", str(report), "--",
                          "/usr/bin/env", "-i", "/bin/sh", "-c", f"/bin/sh -c '{inner}'; true")
    assert program.stdout.readline() == "3\n"

    def sleeper():
        rows = [row for row in quiet.json("n1", "ps") if row["command"].startswith("/bin/sleep")]
        return rows[0] if rows and rows[0]["host"] == "n2" else None

    row = wait_for(sleeper, "sleep on n2")
    assert len(quiet.json("n2", "ps", "--all")) == 2
    quiet.run("n1", "kill", "-TERM", str(row["pid"]))
    assert program.wait(timeout=20) == 0
    told = json.loads(wait_for(lambda: report.exists() and report.read_text(), "report"))
    assert not {"fork", "exec"} & set(told["came_home"]), told


def test_a_tree_can_be_brought_home(quiet):
    program = quiet.start("n1", "rove", "run", "--on", "n2", "--", "/bin/sh", "-c",
                          "/bin/sleep 100 & /bin/sleep 100 & wait")

    def all_on(node, count):
        rows = quiet.json("n1", "ps")
        return len(rows) == count and all(row["host"] == node for row in rows) and rows

    rows = wait_for(lambda: all_on("n2", 3), "three processes on n2")
    root = next(row["pid"] for row in rows if "wait" in row["command"])
    quiet.run("n1", "rove", "move", "--all", str(root), "home")
    rows = wait_for(lambda: all_on("n1", 3), "three processes at home")
    assert quiet.json("n2", "ps", "--all") == []
    for row in rows:
        if row["pid"] != root:
            quiet.run("n1", "kill", str(row["pid"]))
    assert program.wait(timeout=20) == 0


def test_files_that_are_mapped_away_bring_nothing_home(quiet, tmp_path):
    """What a program maps while it is away, private or shared, is there without a homecoming."""
    report = tmp_path / "report.json"
    script = ("import mmap, os; fd = os.open('/bin/sh', os.O_RDONLY); size = os.fstat(fd).st_size\n"
              "for flags in (mmap.MAP_SHARED, mmap.MAP_PRIVATE):\n"
              "    assert mmap.mmap(fd, size, flags, mmap.PROT_READ)[:] == os.pread(fd, size, 0)")
    program = quiet.start("n1", "rove", "run", "--on", "n2", "--report", str(report), "--",
                          "/bin/sh", "-c", f'/usr/bin/python3 -c "{script}"; true')
    assert program.wait(timeout=30) == 0, program.stderr.read()
    told = json.loads(wait_for(lambda: report.exists() and report.read_text(), "report"))
    assert told["came_home"] == {}, told
