# SPDX-License-Identifier: Apache-2.0
"""What keeps a process at home: who may have it moved, that it is told before any attempt, and why."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

import pytest

from conftest import wait_for
from test_daemon import configure, error_of, only, settings, states

# Maps shared memory, and unmaps it at the first line that comes.
SHARED = """
import mmap, os, sys
file = os.memfd_create("shared")
os.ftruncate(file, 4096)
shared = mmap.mmap(file, 4096)
os.close(file)
shared[0] = 1
print("mapped", flush=True)
sys.stdin.readline()
shared.close()
print("unmapped", flush=True)
sys.stdin.readline()
"""
# A filter that allows everything, and then the words' program.
FILTERED = """
import ctypes, os, struct, sys
libc = ctypes.CDLL(None)
allow = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0x7fff0000))
program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", 1, ctypes.addressof(allow)))
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, program, 0, 0) == 0
os.execvp(sys.argv[1], sys.argv[1:])
"""
NOBODY = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups")


@pytest.fixture
def lab(new_lab):
    return new_lab("--nodes", "3", "--cpus", "0", "--mem", "0")


@pytest.fixture
def setuid_sleep():
    """A setuid program that everybody may start."""
    folder = pathlib.Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    path = folder / "sleep"
    shutil.copy(shutil.which("sleep"), path)
    path.chmod(0o4755)
    if os.statvfs(path).f_flag & os.ST_NOSUID:
        pytest.skip("the file system has no setuid programs")
    yield str(path)
    shutil.rmtree(folder)


def row_of(lab, name, node="n1"):
    return wait_for(lambda: next((row for row in lab.json(node, "ps", "--all") if name in row["command"]), None), "row in ps")


def explain(lab, pid):
    return lab.json("n1", "explain", str(pid))


def tried(lab, pid, reason):
    """Whether a move has been refused with this reason."""
    return any(each["verdict"] == "not moved" and each["figures"].get("reason") == reason for each in explain(lab, pid)["decisions"])


def end(lab, program, pid):
    lab.run("n1", "kill", "-9", str(pid), check=False)
    program.wait(timeout=20)


def test_a_reason_is_told_before_any_move_and_ends_with_its_cause(lab):
    program = lab.start("n1", "rove", "run", "--", "python3", "-c", SHARED, stdin=subprocess.PIPE)
    assert program.stdout.readline() == "mapped\n"
    pid = row_of(lab, "mmap")["pid"]
    told = explain(lab, pid)
    assert told["state"] == "confined" and told["reason"] == "shared_writable_memory" and told["decisions"] == []
    assert told["reason_text"].startswith("it shares writable memory") and "Operation" not in told["reason_text"]
    assert "Nothing keeps it" not in lab.run("n1", "rove", "explain", str(pid)).stdout
    wait_for(lambda: only(lab)["state"] == "confined" and only(lab)["reason"] == "shared_writable_memory", "confined in ps")

    refused = lab.run("n1", "rove", "move", str(pid), "n2", check=False)
    assert refused.returncode == 3 and "(shared_writable_memory)" in refused.stderr and "not permitted" not in refused.stderr
    refused = lab.run("n1", "rove", "move", str(pid), "n2", "--json", check=False)
    failure = json.loads(refused.stderr)
    assert refused.stdout == "" and failure["code"] == 3 and failure["reason"] == "shared_writable_memory"

    lab.do("daemon", "n1", "stop")
    lab.do("daemon", "n1", "start")
    wait_for(lambda: all(state == "up" for state in states(lab, "n1").values()), "agreement")
    assert explain(lab, pid)["reason"] == "shared_writable_memory"

    program.stdin.write("go on\n")
    program.stdin.flush()
    assert program.stdout.readline() == "unmapped\n"
    told = explain(lab, pid)
    assert told["state"] == "home" and told["reason"] is None
    wait_for(lambda: only(lab)["state"] == "home", "home in ps")
    lab.run("n1", "rove", "move", str(pid), "n2")
    end(lab, program, pid)


def test_a_filter_of_its_own_keeps_a_program_at_home(quiet):
    program = quiet.start("n1", "rove", "run", "--", "python3", "-c", FILTERED, "sleep", "1001")
    pid = wait_for(lambda: (row := row_of(quiet, "sleep 1001")) and row["command"].startswith("sleep") and row, "sleep")["pid"]
    assert explain(quiet, pid)["reason"] == "seccomp_filter"
    end(quiet, program, pid)


def test_a_move_that_fails_at_the_exec_is_told_and_the_program_runs(quiet):
    done = quiet.run("n1", "python3", "-c", FILTERED, quiet.rove, "run", "--on", "n2", "--", "sh", "-c", "echo here; sleep 0.5")
    assert done.stdout == "here\n"
    assert len(done.stderr.splitlines()) == 1 and "n2" in done.stderr and "(seccomp_filter)" in done.stderr


def test_roots_programs_stay_if_it_is_configured(lab):
    path = settings(lab, "n1")
    path.write_text(path.read_text().replace("move.root = true", "move.root = false"))
    configure(lab, "n1", "")
    program = lab.start("n1", "rove", "run", "--storm", "10", "--", "sleep", "1002")
    pid = row_of(lab, "sleep 1002")["pid"]
    told = explain(lab, pid)
    assert told["state"] == "confined" and told["reason"] == "not_permitted"
    wait_for(lambda: tried(lab, pid, "not_permitted"), "refused storm")
    code, text = error_of(lab, "n1", "move", pid, "n2")
    assert code == 3 and "not_permitted" in text
    code, text = error_of(lab, "n1", "move", pid, "n2", "--all")
    assert code == 3 and "not_permitted" in text
    assert "not_permitted" in lab.run("n1", "rove", "run", "--on", "n2", "--", "true", check=False).stderr
    assert only(lab)["moves"] == 0
    end(lab, program, pid)


def test_nobody_moves_what_may_more_than_himself(quiet, setuid_sleep):
    program = quiet.start("n1", *NOBODY, quiet.rove, "run", "--storm", "10", "--", setuid_sleep, "1003")
    pid = row_of(quiet, f"{setuid_sleep} 1003")["pid"]
    wait_for(lambda: explain(quiet, pid)["reason"] == "privileged", "reason")
    wait_for(lambda: tried(quiet, pid, "privileged"), "refused storm")
    refused = quiet.run("n1", *NOBODY, quiet.rove, "move", str(pid), "n2", check=False)
    assert refused.returncode == 3 and "(privileged)" in refused.stderr
    assert row_of(quiet, "1003")["moves"] == 0
    quiet.run("n1", "rove", "move", str(pid), "n2")
    end(quiet, program, pid)

    done = quiet.run("n1", *NOBODY, quiet.rove, "run", "--on", "n2", "--", setuid_sleep, "0.5")
    assert "(privileged)" in done.stderr


def test_a_lock_is_shown(lab):
    program = lab.start("n1", "rove", "run", "--stay", "--", "sleep", "1004")
    pid = row_of(lab, "sleep 1004")["pid"]
    told = explain(lab, pid)
    assert told["locked"] is True and told["reason"] == "user_stay" and told["state"] == "home" and told["automatic"] is False
    assert "rove roam" in lab.run("n1", "rove", "explain", str(pid)).stdout
    lab.run("n1", "rove", "roam", str(pid))
    told = explain(lab, pid)
    assert told["locked"] is False and told["reason"] is None and told["automatic"] is False
    lab.run("n1", "rove", "node", "auto", "on")
    assert explain(lab, pid)["automatic"] is True
    assert json.loads(lab.run("n1", "rove", "node", "auto", "off", "--json").stdout)["verb"] == "auto"
    assert explain(lab, pid)["automatic"] is False
    assert "rove node auto on" in lab.run("n1", "rove", "explain", str(pid)).stdout
    wait_for(lambda: next(row for row in lab.json("n2", "nodes") if row["name"] == "n1")["auto"] is False, "auto off on n2")
    end(lab, program, pid)


def test_what_has_ended_is_told_for_an_hour(lab):
    program = lab.start("n1", "rove", "run", "--", "sh", "-c", "read line; exit 7", stdin=subprocess.PIPE)
    pid = row_of(lab, "read line")["pid"]
    program.stdin.write("\n")
    program.stdin.close()
    assert program.wait(timeout=20) == 7

    def ended():
        told = json.loads(lab.run("n1", "rove", "explain", str(pid), "--json").stdout)
        return told["state"] == "ended" and told["exit_status"] == 7 and told["reason"] is None

    assert ended()
    wait_for(lambda: ended() and '"pid":%d' % pid in lab.run("n1", "cat", "/run/rove/ended.jsonl", check=False).stdout, "list of those who ended")
    lab.do("daemon", "n1", "kill")
    lab.do("daemon", "n1", "start")
    wait_for(lambda: all(state == "up" for state in states(lab, "n1").values()), "agreement")
    assert ended()


def follow(lab):
    follower = lab.start("n1", "rove", "events", "--json", "--since", "1h")

    def until(event, pid):
        while True:
            row = json.loads(follower.stdout.readline())
            if row["event"] == event and row["pid"] == pid:
                return row

    yield until
    follower.kill()
    follower.wait()


def test_events_tell_deaths_and_locks(quiet):
    events = follow(quiet)
    until = next(events)
    shares = ("import mmap, os, sys; sys.stdin.readline(); file = os.memfd_create(\"x\"); os.ftruncate(file, 4096); "
              "mmap.mmap(file, 4096); sys.stdin.readline(); sys.exit(3)")
    program = quiet.start("n1", "rove", "run", "--", "python3", "-c", shares, stdin=subprocess.PIPE)
    pid = row_of(quiet, "mmap.mmap")["pid"]
    quiet.run("n1", "rove", "stay", str(pid))
    quiet.run("n1", "rove", "roam", str(pid))
    until("stay", pid)
    until("roam", pid)
    quiet.run("n1", "rove", "move", str(pid), "n2")
    program.stdin.write("\n")  # a file that is shared and written is mapped at home
    program.stdin.flush()
    home = until("came_home", pid)
    assert home["from"] == "n2" and home["to"] == "n1"
    program.stdin.write("\n")
    program.stdin.close()
    assert program.wait(timeout=20) == 3
    ended = until("ended", pid)
    assert ended["figures"]["exit_status"] == 3 and "signal" not in ended["figures"]
    list(events)


def test_a_seed_repeats_a_storm(quiet):
    def journey():
        program = quiet.start("n1", "rove", "run", "--storm", "20", "--seed", "5", "--", "sleep", "1005")
        pid = row_of(quiet, "sleep 1005")["pid"]
        wait_for(lambda: row_of(quiet, "sleep 1005")["moves"] >= 8, "moves")
        end(quiet, program, pid)
        told = json.loads(quiet.run("n1", "rove", "explain", str(pid), "--json").stdout)
        return [each["to"] for each in reversed(told["decisions"]) if each["verdict"] == "moved"][:8]

    assert journey() == journey()


def test_members_that_end_are_no_failure_and_what_is_unknown_is_null(quiet):
    program = quiet.start("n1", "rove", "run", "--", "sh", "-c", "for i in 1 2 3 4 5 6 7 8; do sleep 0.$i & done; sleep 1006")
    pid = row_of(quiet, "sh -c")["pid"]
    for to in ("n2", "n3", "n2"):
        done = quiet.run("n1", "rove", "move", str(pid), to, "--all", "--json")
        assert all("error" not in row for row in json.loads(done.stdout))
    rows = quiet.json("n1", "move", str(pid), "n3", "--all", "--no-wait")
    assert rows and all(row["from"] and row["to"] == "n3" and row["bytes"] is None and row["mode"] is None for row in rows)
    row = quiet.json("n1", "move", str(pid), "home", "--no-wait")
    assert row["from"] and row["to"] == "n1" and row["freeze_ms"] is None and row["total_ms"] is None
    quiet.run("n1", "pkill", "-x", "sleep", check=False)
    end(quiet, program, pid)


TWO_THREADS = """
import os, sys, threading
threading.Thread(target=threading.Event().wait, daemon=True).start()
print(threading.enumerate()[1].native_id, flush=True)
sys.stdin.readline()
os._exit(3)
"""

# Stops a thread on its way out until a line comes, and a tenth of a second longer.
HOLD = """
import ctypes, os, sys, time
SEIZE, CONTINUE, TRACE_EXIT = 0x4206, 7, 0x40
trace = ctypes.CDLL(None, use_errno=True).ptrace
trace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
thread = int(sys.argv[1])
assert trace(SEIZE, thread, None, TRACE_EXIT) == 0, os.strerror(ctypes.get_errno())
print("seized", flush=True)
os.waitpid(thread, 0x40000000)
print("held", flush=True)
sys.stdin.readline()
time.sleep(0.1)
assert trace(CONTINUE, thread, None, None) == 0
"""


def test_a_process_whose_first_thread_ends_first_has_ended(quiet):
    program = quiet.start("n1", "rove", "run", "--", "/usr/bin/python3", "-c", TWO_THREADS, stdin=subprocess.PIPE)
    thread = program.stdout.readline().strip()
    pid = row_of(quiet, "python3")["pid"]
    tracer = quiet.start("n1", "/usr/bin/python3", "-c", HOLD, thread, stdin=subprocess.PIPE)
    assert tracer.stdout.readline() == "seized\n", tracer.stderr.read()
    program.stdin.write("\n")
    program.stdin.flush()
    assert tracer.stdout.readline() == "held\n"
    wait_for(lambda: quiet.run("n1", "cut", "-d ", "-f3", f"/proc/{pid}/stat").stdout == "Z\n", "the first thread's end")
    code, text = error_of(quiet, "n1", "move", pid, "n2")
    assert code == 3 and "first thread" in text  # how long the other one takes is not known
    tracer.stdin.write("\n")
    tracer.stdin.flush()
    code, text = error_of(quiet, "n1", "move", pid, "n2")
    assert code == 4 and "has ended" in text
    assert tracer.wait(timeout=20) == 0 and program.wait(timeout=20) == 3


def test_a_freeze_has_its_limit(lab):
    hold = "import time\nheld = bytearray(b'x' * 300_000_000)\nprint(len(held), flush=True)\ntime.sleep(1000)"
    program = lab.start("n1", "rove", "run", "--", "python3", "-c", hold)
    assert program.stdout.readline() == "300000000\n"
    pid = row_of(lab, "bytearray")["pid"]
    configure(lab, "n1", 'move.freeze = "5ms"')
    code, text = error_of(lab, "n1", "move", pid, "n2")
    assert code == 1 and "5ms" in text and "move.freeze" in text
    assert only(lab)["host"] == "n1"
    end(lab, program, pid)


def test_a_drain_has_its_limit(lab):
    configure(lab, "n2", "drain.seconds = 0")
    program = lab.start("n1", "rove", "run", "--", "sleep", "1007")
    pid = row_of(lab, "sleep 1007")["pid"]
    lab.run("n1", "rove", "move", str(pid), "n2")
    code, text = error_of(lab, "n2", "node", "drain")
    assert code == 1 and "0 s (drain.seconds)" in text
    wait_for(lambda: only(lab)["host"] == "n1", "the guest gone, a little later")
    end(lab, program, pid)


def test_a_report_counts_from_before_a_daemons_end(lab, tmp_path):
    report = tmp_path / "report.json"
    program = lab.start("n1", "rove", "run", "--report", report, "--", "sleep", "1008")
    pid = row_of(lab, "sleep 1008")["pid"]
    lab.run("n1", "rove", "move", str(pid), "n2")
    lab.run("n1", "rove", "move", str(pid), "home")
    before = time.monotonic()
    lab.do("daemon", "n1", "stop")
    lab.do("daemon", "n1", "start")
    wait_for(lambda: all(state == "up" for state in states(lab, "n1").values()), "agreement")
    elapsed = time.monotonic() - before
    assert row_of(lab, "sleep 1008")["moves"] == 2
    end(lab, program, pid)
    wait_for(report.exists, "report")
    told = json.loads(report.read_text())
    assert told["moves"] == 2 and told["seconds_home"] > elapsed and told["seconds_away"] > 0


def test_a_node_that_starts_out_blocked_stays_so(lab):
    path = settings(lab, "n2")
    path.write_text("move.host_blocked = true\n" + path.read_text())
    lab.do("daemon", "n2", "stop")
    lab.do("daemon", "n2", "start")
    wait_for(lambda: states(lab, "n1")["n2"] == "blocked", "blocked n2")


def test_a_report_that_cannot_be_written_is_told_before(quiet):
    done = quiet.run("n1", "rove", "run", "--report", "/nowhere/at/all", "--", "true", check=False)
    assert done.returncode == 125 and "/nowhere/at/all" in done.stderr


def test_a_killed_node_cannot_be_entered(lab):
    lab.do("kill", "n3")
    assert lab.run("n3", "true", check=False).returncode == 125


def test_join_asks_a_node_for_its_name(quiet, tmp_path):
    path, key = tmp_path / "rove.toml", f"/run/rove-lab/{quiet.name}/cluster.key"
    join = (quiet.rove, "join", quiet.address("n2"), "--key-file", key, "--config", path, "--node-name", "n9", "--address", "10.77.9.9")
    quiet.run("n1", *join)
    assert f'name = "n2", address = "{quiet.address("n2")}:7946"' in path.read_text()
    other = tmp_path / "other"
    other.write_text("another key that is long enough\n")
    refused = quiet.run("n1", *join[:4], other, *join[5:], "--force", check=False)
    assert refused.returncode == 1 and "another cluster key" in refused.stderr
