# SPDX-License-Identifier: Apache-2.0
"""Nothing is left of a lab, whatever became of it."""
import glob
import json
import os
import pathlib
import signal
import subprocess

import pytest

from conftest import BARE, LIMIT_S, wait_for
from talking import end, listen, talk


def census():
    """What a lab might leave behind, counted."""
    namespaces = set()
    for path in glob.glob("/proc/[0-9]*/ns/*"):
        try:
            namespaces.add(os.readlink(path))
        except OSError:
            pass
    roots = ["/run", "/var/lib/rove-lab", "/tmp/rove*", "/dev/mqueue"]
    files = subprocess.run(f"find {' '.join(roots)} -xdev 2>/dev/null | grep -i rove", shell=True,
                           capture_output=True, text=True).stdout
    commands = subprocess.run(["ps", "-eo", "pid,stat,args"], capture_output=True, text=True).stdout
    return {
        "namespaces": namespaces,
        "mounts": pathlib.Path("/proc/self/mountinfo").read_text(),
        "cgroups": sorted(glob.glob("/sys/fs/cgroup/**/", recursive=True)),
        "interfaces": sorted(os.listdir("/sys/class/net")),
        "swaps": [line.split()[0] for line in pathlib.Path("/proc/swaps").read_text().splitlines()],
        "files": files,
        "processes": [line for line in commands.splitlines() if "rove" in line and "lab" in line
                      and "pytest" not in line],
    }


def differences(before, after):
    return {what: (before[what], after[what]) for what in before if before[what] != after[what]}


HARD_TO_END = r"""
exec </dev/null >/dev/null 2>&1
for d in /sys/fs/cgroup /sys/fs/cgroup/freezer; do
    [ -w $d/cgroup.procs ] || continue
    mkdir -p $d/deep/er
    sleep 301 &
    echo $! > $d/deep/er/cgroup.procs
    echo FROZEN > $d/deep/freezer.state || echo 1 > $d/deep/cgroup.freeze
done
sleep 302 & kill -STOP $!
sh -c 'trap "" TERM INT HUP; sleep 303' &
unshare --mount --net --pid --fork --mount-proc sleep 304 &
setsid unshare --user --pid --fork sleep 305 &
until [ $(ps ax | grep -c 'sleep 30[1-5]') -ge 6 ]; do :; done
"""


def test_nothing_is_left(unmade_lab):
    before = census()
    lab = unmade_lab(BARE)
    lab.up("--node", "n3:swap=16M")
    for node in ("n1", "n2", "n3"):
        lab.run(node, "sh", "-c", HARD_TO_END)
    lab.do("cut", "n1:n3")
    lab.do("kill", "n2")
    lab.do("start", "n2")
    lab.do("kill", "n1")
    lab.down()
    assert differences(before, census()) == {}


def test_two_labs_do_not_disturb_each_other(new_lab):
    one, two = new_lab("--nodes", "2", env=BARE), new_lab("--nodes", "2", env=BARE)
    assert one.address("n1") != two.address("n1")
    server = listen(two, "n2")
    assert talk(two, "n1", "n2") == "x"
    one.down()
    assert talk(two, "n1", "n2") == "x"
    assert two.run("n1", "ls", "-d", "/run/rove").stdout == "/run/rove\n"
    end(server)


def test_a_killed_up_can_be_taken_down(unmade_lab):
    before = census()
    for steps in range(1, 6):
        lab = unmade_lab(BARE)
        process = subprocess.Popen(lab.argv("up", "--nodes", "30", "--node", "n1:swap=16M"),
                                   env=lab.env, stdout=subprocess.DEVNULL)
        state = pathlib.Path("/run/rove-lab") / lab.name
        wait_for(lambda: process.poll() is not None or (state / f"n{steps * 4}").exists(),
                 "half-made lab")
        process.kill()
        process.wait(LIMIT_S)
        lab.down()
    assert differences(before, census()) == {}


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_an_interrupted_up_leaves_nothing(unmade_lab, name):
    before = census()
    lab = unmade_lab(BARE)
    process = subprocess.Popen(lab.argv("up", "--nodes", "40"), env=lab.env, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    state = pathlib.Path("/run/rove-lab") / lab.name
    wait_for(lambda: (state / "n3").exists(), "half-made lab")
    process.send_signal(getattr(signal, name))
    _, error = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 1
    assert "interrupted" in error
    assert differences(before, census()) == {}


def test_a_broken_state_file_is_refused_and_taken_down(unmade_lab):
    before = census()
    lab = unmade_lab(BARE)
    lab.up("--nodes", "2")
    pathlib.Path(f"/run/rove-lab/{lab.name}/lab.json").write_text('{"name": [')
    done = lab.do("status", "--json", check=False)
    assert done.returncode == 1
    assert json.loads(done.stderr)["code"] == 1
    lab.down()
    assert differences(before, census()) == {}
