# SPDX-License-Identifier: Apache-2.0
"""A file that a process maps for writing, and nobody else has: it travels, and no store is lost or hidden, whatever ends the stay."""
import fcntl
import struct
import subprocess
import time

import pytest

from answering import Answering
from conftest import wait_for

# A counter is stored on the first page, then on the second: whenever it is stopped, the first one has at most one more.
STORING = """
import ctypes, fcntl, os, signal, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
fd = os.open(sys.argv[1], os.O_RDWR)
if sys.argv[2] == "locked": fcntl.flock(fd, fcntl.LOCK_EX)
first = libc.mmap(None, 8192, 3, 1, fd, 0)
os.close(fd)
counters = [ctypes.c_uint64.from_address(first), ctypes.c_uint64.from_address(first + 4096)]
def store():
    counters[0].value += 1
    counters[1].value += 1
print("0", flush=True)
for line in sys.stdin:
    word = line.strip()
    for _ in range(1000):
        store()
    if word == "abort": os.abort()
    if word == "crash": ctypes.string_at(0)
    if word == "exec": os.execl("/bin/true", "true")
    if word == "end": sys.exit(0)
    if word == "fork" and os.fork() == 0: sys.stdin.read()
    print(counters[0].value, flush=True)
    while word == "on": store()
"""


class Storing(Answering):
    """The program, which has been moved to n2 if nothing else is said."""

    def __init__(self, lab, directory, to="n2", lock="open"):
        self.lab, self.file = lab, directory / "own"
        self.file.write_bytes(bytes(8000))
        self.program = lab.start("n1", "rove", "run", "--stay", "--", "python3", "-c", STORING, str(self.file), lock,
                                 stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.answer()
        self.pid = wait_for(lambda: lab.json("n1", "ps"), "the program")[0]["pid"]
        if to:
            assert self.move(to).returncode == 0

    def store(self, word="more"):
        return self.ask(word)

    def move(self, node):
        return self.lab.run("n1", "rove", "move", str(self.pid), node, check=False)

    def host(self):
        return next((row["host"] for row in self.lab.json("n1", "ps") if row["pid"] == self.pid), None)

    def seen(self):
        """What another process finds in the file."""
        found = self.file.read_bytes()
        assert len(found) == 8000
        return struct.unpack_from("<Q", found)[0], struct.unpack_from("<Q", found, 4096)[0]

    def end(self):
        self.tell("end")
        assert self.program.wait(timeout=30) == 0


@pytest.fixture(scope="module")
def stores(quiet):
    yield quiet
    for row in quiet.json("n1", "ps"):
        quiet.run("n1", "kill", "-9", str(row["pid"]), check=False)


@pytest.fixture
def storing(stores, tmp_path):
    made = []

    def make(to="n2", lock="open"):
        made.append(Storing(stores, tmp_path, to, lock))
        return made[-1]

    yield make
    for one in made:
        stores.run("n1", "kill", "-9", str(one.pid), check=False)
        one.program.kill()
        one.program.wait(timeout=20)


def test_it_stays_away_until_another_opens_the_file(storing):
    one = storing()
    for _ in range(5):
        count = one.store()
    assert one.host() == "n2"
    assert one.seen() == (count, count)
    wait_for(lambda: one.host() == "n1", "homecoming")
    with one.file.open("rb"):
        refused = one.move("n2")
        assert refused.returncode == 3 and "(shared_writable_memory)" in refused.stderr and str(one.file) in refused.stderr
        count = one.store()
        assert one.seen() == (count, count)
    assert one.move("n2").returncode == 0
    assert one.store() == count + 1000
    one.end()


def test_from_host_to_host_and_home(storing):
    one = storing()
    count = one.store()
    for node in ("n3", "n2", "n3"):
        assert one.move(node).returncode == 0
        assert one.host() == node
        count += 1000
        assert one.store() == count
    assert one.move("home").returncode == 0
    assert one.seen() == (count, count)
    assert one.store() == count + 1000
    one.end()


def test_who_has_inherited_the_mapping_keeps_it_at_home(storing):
    one = storing()
    one.store()
    assert one.host() == "n2"
    count = one.store("fork")
    wait_for(lambda: one.host() == "n1", "homecoming")
    refused = one.move("n2")
    assert refused.returncode == 3 and "(shared_writable_memory)" in refused.stderr
    assert one.seen() == (count, count)
    one.program.stdin.close()


def test_one_that_is_stopped_lets_others_see_its_stores(storing, stores):
    one = storing()
    count = one.store()
    stores.run("n1", "kill", "-STOP", str(one.pid))
    began = time.monotonic()
    assert one.seen() == (count, count)
    assert time.monotonic() - began < 20, "who opens the file waited for more than a homecoming"
    stores.run("n1", "kill", "-CONT", str(one.pid))
    assert one.store() == count + 1000
    one.end()


def test_its_lock_stays_with_what_it_maps(storing, stores):
    one = storing(lock="locked")
    one.store()
    assert one.host() == "n2"
    for again in (True, False):
        with one.file.open("rb") as other, pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_SH | fcntl.LOCK_NB)
        if again:
            assert one.move("n2").returncode == 0
    one.store("fork")
    refused = one.move("n2")
    assert refused.returncode == 3 and "which process" in refused.stderr
    with one.file.open("rb") as other, pytest.raises(BlockingIOError):
        fcntl.flock(other, fcntl.LOCK_SH | fcntl.LOCK_NB)
    one.program.stdin.close()
    one.program.wait(timeout=30)
    with one.file.open("rb") as other:
        wait_for(lambda: locks(other), "lock")


def locks(file):
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        return False


@pytest.mark.parametrize("word", ["end", "abort", "crash", "exec"])
def test_what_was_stored_stays_when_the_program_ends(storing, word):
    one = storing()
    count = one.store()
    one.tell(word)
    status = one.program.wait(timeout=30)
    assert one.seen() == (count + 1000, count + 1000)
    assert (status == 0) == (word in ("end", "exec"))


@pytest.mark.parametrize("at", ["home", "host"])
def test_what_was_stored_stays_when_it_is_killed(storing, stores, at):
    one = storing()
    count = one.store("on")
    time.sleep(0.2)
    if at == "home":
        stores.run("n1", "kill", "-9", str(one.pid))
    else:
        found = stores.run("n2", "pgrep", "-x", "python3", check=False).stdout.split()
        for pid in found:
            stores.run("n2", "kill", "-9", pid)
        assert found
    assert one.program.wait(timeout=30) != 0
    first, second = one.seen()
    assert second >= count + 1000 and first - second in (0, 1)


def test_another_steward_keeps_the_stores(storing, stores):
    one = storing()
    count = one.store()
    former = stores.run("n1", "pgrep", "-f", "rove-keeper steward").stdout.split()
    stores.run("n1", "kill", "-9", *former)
    assert one.seen() == (count, count), "who opens the file waits for another steward"
    wait_for(lambda: one.host() == "n1", "homecoming")
    assert one.move("n2").returncode == 0
    former = stores.run("n1", "pgrep", "-f", "rove-keeper steward").stdout.split()
    stores.run("n1", "kill", "-9", *former)
    wait_for(lambda: (now := stores.run("n1", "pgrep", "-f", "rove-keeper steward", check=False).stdout.split())
             and now != former, "another steward")
    count = one.store("on")
    time.sleep(0.2)
    stores.run("n1", "kill", "-9", str(one.pid))
    one.program.wait(timeout=30)
    first, second = one.seen()
    assert second >= count and first - second in (0, 1)


POINTS = [("after_state", "n2"), ("before_commit", "n2"), ("after_commit", "n2"), ("parked", "home"),
          ("home_before_commit", "home"), ("home_after_commit", "home"), ("onward_parked", "n3"),
          ("onward_before_commit", "n3"), ("onward_after_commit", "n3")]


@pytest.mark.parametrize("how", ["error", "kill"])
@pytest.mark.parametrize("point,to", POINTS)
def test_a_move_that_breaks_loses_no_store(new_lab, tmp_path, point, to, how):
    lab = new_lab("--nodes", "3", "--cpus", "0", "--mem", "0", env={"ROVE_FAULT": "@/run/rove/fault"})
    one = Storing(lab, tmp_path, None if to == "n2" else "n2")
    count = one.store()
    lab.run("n1", "sh", "-c", f"echo '{point}:{how}' > /run/rove/fault.new && mv /run/rove/fault.new /run/rove/fault")
    one.move(to)
    lab.run("n1", "sh", "-c", "rm /run/rove/fault")
    assert one.store() == count + 1000
    began = time.monotonic()
    assert one.seen() == (count + 1000, count + 1000)
    assert time.monotonic() - began < 20, "a lease was left behind"
    assert one.store() == count + 2000
    wait_for(lambda: one.move("n2").returncode == 0, "another move", 40)
    one.end()
    assert one.seen() == (count + 3000, count + 3000)
