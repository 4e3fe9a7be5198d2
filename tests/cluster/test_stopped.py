# SPDX-License-Identifier: Apache-2.0
"""A process that is stopped by a signal (SIGSTOP, ^Z) is moved like any other, and does nothing meanwhile."""
import json
import random
import sys

from conftest import wait_for

# One thread of each kind says again and again that it lives: in a shared count at home, by calls.
PROGRAM = """
import os, select, sys, threading, time
out = int(sys.argv[1])
r, w = os.pipe()
def count(kind, wait):
    while True:
        wait()
        os.write(out, kind)
def spin():
    for _ in range(20000): pass
def poll():
    with select.epoll() as e:
        e.register(r, select.EPOLLIN)
        e.poll(0.05)
def read():
    inner, outer = os.pipe()
    threading.Timer(0.05, os.write, (outer, b'x')).start()
    os.read(inner, 1), os.close(inner), os.close(outer)
for kind, wait in ((b'c', spin), (b's', lambda: time.sleep(0.03)), (b'p', poll), (b'r', read)):
    threading.Thread(target=count, args=(kind, wait), daemon=True).start()
signal_free = threading.Event()
signal_free.wait()
"""

# Parent of the program: stops it, has it moved, looks what it does, lets it go on; then the next.
DRIVER = """
import json, os, random, signal, subprocess, sys, time
rove, program, steps, seed = sys.argv[1], sys.argv[2], json.loads(sys.argv[3]), int(sys.argv[4])
chance = random.Random(seed)
r, w = os.pipe2(os.O_NONBLOCK)
child = subprocess.Popen([rove, 'run', '--stay', '--', sys.executable, program, str(w)], pass_fds=[w])
os.close(w)
def heard(limit):
    end = time.monotonic() + limit
    seen = set()
    while time.monotonic() < end:
        try: got = os.read(r, 65536)
        except BlockingIOError: got = b''
        if not got: time.sleep(0.005)
        seen |= set(got.decode())
        if seen == set('cspr') and limit > 1: break
    return ''.join(sorted(seen))
def events():
    while True:
        pid, status = os.waitpid(child.pid, os.WNOHANG | os.WUNTRACED | os.WCONTINUED)
        if pid == 0: return
        yield 'continued' if os.WIFCONTINUED(status) else 'stopped' if os.WIFSTOPPED(status) else status
def expect(what, found, wanted, where):
    if found != wanted: sys.exit(f'{where}: {what} {found!r}, not {wanted!r} (seed {seed})')
def move(node):
    return subprocess.Popen([rove, 'move', str(child.pid), node], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
def moved(mover, where):
    text = mover.communicate(timeout=50)
    if mover.returncode: sys.exit(f'{where}: {text} (seed {seed})')
expect('threads', heard(20), 'cprs', 'start')
for number, (node, early) in enumerate(steps):
    where = f'step {number} {node} {early}'
    mover = move(node) if not early else None
    if mover: time.sleep(chance.random() * 0.06)
    os.kill(child.pid, signal.SIGSTOP)
    if early: mover = move(node)
    moved(mover, where)
    time.sleep(0.15)  # a host hears of a stop within 100 ms
    heard(0.02)
    expect('progress', heard(0.1), '', where)
    expect('events', list(events()), ['stopped'], where)
    if number % 3 == 2: moved(move('n3' if node == 'n2' else 'n2'), where + ' and on')
    expect('progress', heard(0.05), '', where)
    os.kill(child.pid, signal.SIGCONT)
    expect('threads', heard(20), 'cprs', where)
    expect('events', list(events()), ['continued'], where)
child.kill()
"""


def drive(lab, tmp_path, steps, seed):
    program, driver = tmp_path / "program.py", tmp_path / "driver.py"
    program.write_text(PROGRAM)
    driver.write_text(DRIVER)
    lab.run("n1", sys.executable, str(driver), str(lab.rove), str(program), json.dumps(steps), str(seed))


def test_a_stopped_process_is_moved(quiet, tmp_path):
    drive(quiet, tmp_path, [(node, True) for node in ("n2", "n3", "home", "n2", "home")], 1)


def test_a_process_is_stopped_while_it_is_moved(quiet, tmp_path):
    seed = random.randrange(1 << 30)
    chance = random.Random(seed)
    drive(quiet, tmp_path, [(chance.choice(("n2", "n3", "home")), False) for _ in range(12)], seed)


def test_a_drain_sends_stopped_guests_home(quiet):
    program = quiet.start("n1", "rove", "run", "--on", "n2", "--", "/bin/sh", "-c", "while :; do :; done")

    def row(host):
        rows = quiet.json("n1", "ps")
        return rows and rows[0]["host"] == host and rows[0]

    pid = str(wait_for(lambda: row("n2"), "the program on n2")["pid"])
    quiet.run("n1", "kill", "-STOP", pid)
    quiet.run("n2", "rove", "node", "drain")
    found = wait_for(lambda: row("n1"), "the program at home")
    assert found["stopped"] is True
    quiet.run("n2", "rove", "node", "unblock")
    quiet.run("n1", "kill", "-KILL", pid)
    program.wait(timeout=20)
