# SPDX-License-Identifier: Apache-2.0
"""Asks a server on loopback: for a free port, until it answers, for all files of a directory, several at once."""
import concurrent.futures
import gzip
import hashlib
import pathlib
import socket
import sys
import time
import urllib.request


def get(port, path, packed=False):
    headers = {"Accept-Encoding": "gzip"} if packed else {}
    with urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{port}/{path}", headers=headers), timeout=120) as answer:
        body = answer.read()
        return gzip.decompress(body) if answer.headers.get("Content-Encoding") == "gzip" else body


def await_answer(port):
    for _ in range(1000):
        try:
            return get(port, "hello")
        except OSError:
            time.sleep(0.05)
    sys.exit("no answer")


def fetch_all(port, folder):
    wanted = [(way, path.name, packed) for way in ("", "proxy/") for path in sorted(pathlib.Path(folder).iterdir()) for packed in (False, True)]

    def one(want):
        way, name, packed = want
        body = get(port, way + name, packed)
        assert body == (pathlib.Path(folder) / name).read_bytes(), want
        return hashlib.sha256(body).hexdigest()[:16]

    with concurrent.futures.ThreadPoolExecutor(5) as pool:
        print(*pool.map(one, wanted * 2))


verb = sys.argv[1]
if verb == "port":
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        print(free.getsockname()[1])
elif verb == "await":
    await_answer(sys.argv[2])
else:
    fetch_all(sys.argv[2], sys.argv[3])
