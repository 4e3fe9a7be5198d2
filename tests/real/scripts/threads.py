# SPDX-License-Identifier: Apache-2.0
"""Threads with queues and locks, sockets with select, and asyncio in one process; prints the same every time."""
import asyncio, hashlib, queue, socket, sys, threading

turns = int(sys.argv[1])


def digest(n):
    return hashlib.sha256(str(n).encode() * 500).hexdigest()


jobs, results, lock = queue.Queue(), {}, threading.Lock()


def worker():
    while (n := jobs.get()) is not None:
        value = digest(n)
        with lock:
            results[n] = value


threads = [threading.Thread(target=worker) for _ in range(4)]
for thread in threads:
    thread.start()
for n in range(turns * 20):
    jobs.put(n)
for _ in threads:
    jobs.put(None)
for thread in threads:
    thread.join()
print(len(results), hashlib.sha256("".join(results[n] for n in sorted(results)).encode()).hexdigest())

ours, theirs = socket.socketpair()


def echo():
    while block := theirs.recv(5000):
        theirs.sendall(block[::-1])


thread = threading.Thread(target=echo)
thread.start()
for n in range(turns * 5):
    ours.sendall(b"%08d" % n)
    assert ours.recv(8, socket.MSG_WAITALL) == (b"%08d" % n)[::-1]
ours.shutdown(socket.SHUT_WR)
thread.join()


async def serve(reader, writer):
    while line := await reader.readline():
        writer.write(line.upper())
        await writer.drain()
    writer.close()


async def client(port, n):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    got = []
    for k in range(turns):
        writer.write(b"client %d line %d\n" % (n, k))
        got.append(await reader.readline())
        await asyncio.sleep(0.001)
    writer.close()
    return hashlib.sha256(b"".join(got)).hexdigest()


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    for value in await asyncio.gather(*(client(port, n) for n in range(5))):
        print(value)
    server.close()


asyncio.run(main())
