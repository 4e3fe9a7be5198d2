# SPDX-License-Identifier: Apache-2.0
"""Other processes: subprocess, multiprocessing with pools, queues and shared values, executors, asyncio; prints the same every time."""
import asyncio
import concurrent.futures
import hashlib
import multiprocessing
import os
import signal
import subprocess
import sys
import threading


def work(n):
    return hashlib.sha256(str(n).encode() * 2000).hexdigest()[:8]


def add(total, count, queue):
    for _ in range(count):
        with total.get_lock():
            total.value += 1
    queue.put(os.getpid() != os.getppid())


async def ask(n):
    process = await asyncio.create_subprocess_exec("tr", "a-z", "A-Z", stdin=-1, stdout=-1)
    out, _ = await process.communicate(f"question {n}".encode() * 1000)
    return hashlib.sha256(out).hexdigest()[:8], process.returncode


async def ask_all():
    return await asyncio.gather(*(ask(n) for n in range(6)))


def main():
    for n in range(5):
        done = subprocess.run(["sh", "-c", f"read line; echo $line {n}; exit {n}"], input="hello\n", capture_output=True, text=True)
        print(done.stdout.strip(), done.returncode)
    first = subprocess.Popen(["seq", "20000"], stdout=subprocess.PIPE)
    second = subprocess.run(["sha256sum"], stdin=first.stdout, capture_output=True, text=True)
    first.stdout.close()
    print(second.stdout.strip(), first.wait())
    sleeper = subprocess.Popen(["sleep", "600"])
    try:
        sleeper.wait(0.1)
    except subprocess.TimeoutExpired:
        sleeper.send_signal(signal.SIGINT)
    print("sleeper", sleeper.wait())
    for way in "fork", "spawn":
        context = multiprocessing.get_context(way)
        with context.Pool(2) as pool:
            print(way, pool.map(work, range(12)))
        total, queue = context.Value("i", 0), context.Queue()
        children = [context.Process(target=add, args=(total, 100, queue)) for _ in range(3)]
        for child in children:
            child.start()
        print([queue.get() for _ in children], [child.join() or child.exitcode for child in children], total.value)
    with concurrent.futures.ProcessPoolExecutor(2) as pool:
        print(list(pool.map(work, range(8), chunksize=2)))
    print(asyncio.run(ask_all()))
    said = []
    threads = [threading.Thread(target=lambda n=n: said.append(subprocess.check_output(["echo", str(n)], text=True))) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(sorted(said))
    child = os.fork()
    if child == 0:
        os._exit(9)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), sys.version_info[0])


if __name__ == "__main__":
    main()
