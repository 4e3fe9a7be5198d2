# SPDX-License-Identifier: Apache-2.0
"""The command line against a control server of our own: exit codes, JSON, and what `rove run` becomes."""
import http.server
import json
import os
import pathlib
import socketserver
import subprocess
import threading

import pytest

ROVE = os.environ.get("ROVE") or str(pathlib.Path(__file__).resolve().parents[2] / "build/bin/rove")


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


@pytest.fixture
def daemon(tmp_path):
    """answers: (method, path) -> (status, body); requests: what came."""
    answers, requests = {}, []

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            requests.append((self.command, self.path, json.loads(body) if body else None))
            status, reply = answers.get((self.command, self.path), (404, {"error": "no such path", "code": 1}))
            text = reply if isinstance(reply, bytes) else json.dumps(reply).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = answer

        def log_message(self, *_):
            pass

        def address_string(self):
            return "local"

    path = str(tmp_path / "s")
    server = Server(path, Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    server.answers, server.requests, server.path = answers, requests, path
    answers[("POST", "/v1/run")] = (200, {"pid": 1, "host": "n1"})
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def rove(daemon, *words, **more):
    path = daemon.path if daemon else "/nonexistent/rove.sock"
    environment = dict(os.environ, ROVE_SOCKET=path, **more.pop("env", {}))
    return subprocess.run([ROVE, *words], env=environment, capture_output=True, text=True, timeout=30,
                          stdin=more.pop("stdin", subprocess.DEVNULL), **more)


def test_no_daemon_is_five():
    for words in (["ps"], ["nodes"], ["move", "1", "n2"], ["explain", "1"], ["check"], ["config"], ["events"]):
        done = rove(None, *words, "--json")
        assert (done.returncode, done.stdout) == (5, ""), words
        assert json.loads(done.stderr)["code"] == 5
    assert rove(None, "run", "true").returncode == 125


def test_usage_is_two():
    for words in ([], ["top"], ["debug", "1"], ["mpirun"], ["ps", "--odd"], ["move", "x", "n2"], ["move", "1"], ["run"],
                  ["run", "--cpu-baseline", "x", "true"], ["run", "--storm", "x", "true"], ["node", "odd"], ["node", "auto"],
                  ["events", "--since", "odd"]):
        done = rove(None, *words)
        assert (done.returncode, done.stdout) == (2, ""), words
        assert done.stderr.count("\n") == 1


def test_refusals_carry_their_code(daemon):
    for code in (1, 3, 4):
        daemon.answers[("POST", "/v1/move")] = (409, {"error": "it cannot", "code": code})
        done = rove(daemon, "--json", "move", "12", "n2")
        assert (done.returncode, done.stdout) == (code, "")
        assert json.loads(done.stderr) == {"error": "it cannot", "code": code}


def test_nonsense_is_no_daemon(daemon):
    for nonsense in (b"oops", b"[" * 5000, b"\xff\xfe"):
        daemon.answers[("GET", "/v1/ps")] = (200, nonsense)
        assert rove(daemon, "ps").returncode == 5


def test_move_reads_well(daemon):
    row = {"pid": 12, "from": "n1", "to": "n2", "bytes": 8598323, "freeze_ms": 9.2, "stopped_ms": 9.2, "total_ms": 34.1,
           "mode": "stop-and-copy"}
    daemon.answers[("POST", "/v1/move")] = (200, row)
    assert rove(daemon, "move", "12", "n2", env={"LC_ALL": "C"}).stdout == "12 n1 -> n2: 8.2 MB in 34 ms, frozen 9.2 ms\n"
    assert "→" in rove(daemon, "move", "12", "n2", env={"LC_ALL": "C.UTF-8"}).stdout
    assert json.loads(rove(daemon, "move", "12", "n2", "--json").stdout) == row
    assert daemon.requests[-1][2] == {"pid": 12, "to": "n2", "all": False, "wait": True}
    rove(daemon, "move", "n3:12", "home")
    assert daemon.requests[-1][2]["pid"] == "n3:12"


def test_move_all_reports_each(daemon):
    members = [{"pid": 1, "from": "n1", "to": "n2", "bytes": 1, "freeze_ms": 1, "stopped_ms": 1, "total_ms": 1, "mode": "exec"},
               {"pid": 2, "from": "n1", "to": "n2", "error": "it is traced", "code": 3}]
    daemon.answers[("POST", "/v1/move")] = (409, {"error": "process 2: it is traced", "code": 3, "members": members})
    done = rove(daemon, "move", "1", "n2", "--all")
    assert done.returncode == 3 and done.stdout.startswith("1 n1") and "2: it is traced" in done.stderr
    done = rove(daemon, "move", "1", "n2", "--all", "--json")
    assert done.returncode == 3 and done.stdout == ""
    assert json.loads(done.stderr)["members"] == members


def test_unknown_fields_are_null(daemon):
    daemon.answers[("GET", "/v1/ps")] = (200, [{"pid": 3, "extra": 1}])
    row = json.loads(rove(daemon, "ps", "--json").stdout)[0]
    assert row["pid"] == 3 and row["reason"] is None and row["extra"] == 1 and "command" in row
    daemon.answers[("GET", "/v1/ps")] = (200, [])
    assert rove(daemon, "ps", "--json").stdout == "[]\n"


def test_no_escape_reaches_the_output(daemon):
    daemon.answers[("GET", "/v1/ps")] = (200, [{"pid": 3, "command": "a\x1b[31mb\n"}])
    assert "\x1b" not in rove(daemon, "ps").stdout


def test_run_becomes_the_command(daemon):
    """Same PID, parent and group; descriptors 0 to 2 only; mask, dispositions and environment as they were."""
    script = ("import os, signal, json; print(json.dumps([os.getpid(), os.getppid(), os.getpgrp(),"
              "sorted(int(n) for n in os.listdir('/proc/self/fd'))[:4],"
              "[l.split()[1] for l in open('/proc/self/status') if l.startswith(('SigBlk', 'SigIgn'))],"
              "sorted(os.environ)]))")
    environment = {"ROVE_SOCKET": daemon.path, "PATH": os.environ["PATH"], "ODD": "1"}
    results = []
    for words in ([ROVE, "run", "--"], []):
        process = subprocess.Popen([*words, "/usr/bin/python3", "-I", "-c", script], env=environment, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
        out, err = process.communicate(timeout=30)
        assert process.returncode == 0 and err == ""
        told = json.loads(out)
        assert told[0] == process.pid and told[1] == os.getpid()
        results.append(told[2:])
    assert results[0] == results[1]
    assert results[0][1] == [0, 1, 2, 3]  # 3 is listdir's own


def test_run_finds_like_a_shell(daemon, tmp_path):
    assert rove(daemon, "run", "no-such-command-here").returncode == 127
    assert rove(daemon, "run", "/etc/passwd").returncode == 126
    assert rove(daemon, "run", "/tmp").returncode == 126
    assert not daemon.requests  # found out before the daemon was asked
    script = tmp_path / "script"
    script.write_text("exit 7\n")
    script.chmod(0o755)
    assert rove(daemon, "run", str(script)).returncode == 7
    assert rove(daemon, "run", "script", env={"PATH": f"/nonexistent:{tmp_path}"}).returncode == 7
    done = rove(daemon, "run", "sh", "-c", "echo out; exit 9")
    assert (done.returncode, done.stdout, done.stderr) == (9, "out\n", "")


def test_run_passes_its_options(daemon, tmp_path):
    assert rove(daemon, "run", "--on", "n2", "--stay", "--storm", "50", "--seed", "3", "--mem", "1G", "--report", "r", "true",
                cwd=tmp_path).returncode == 0
    body = daemon.requests[-1][2]
    assert body["on"] == "n2" and body["stay"] is True and body["storm_ms"] == 50 and body["seed"] == 3
    assert body["no_patch"] is False and body["cpu_baseline"] is None
    assert body["mem"] == 1 << 30 and body["report"] == f"{tmp_path}/r" and body["command"] == ["true"]


def test_run_tells_runtimes_their_cpu_baseline(daemon):
    """And leaves the environment as it is without one."""
    show = ("run", "--cpu-baseline", "v2", "sh", "-c", "echo $GLIBC_TUNABLES; echo $GODEBUG")
    done = rove(daemon, *show, env={"GLIBC_TUNABLES": "glibc.malloc.check=3"})
    tunables, go = done.stdout.splitlines()
    assert tunables.startswith("glibc.malloc.check=3:glibc.cpu.hwcaps=-AVX,-AVX2,") and go.startswith("cpu.all=off,")
    assert daemon.requests[-1][2]["cpu_baseline"] == "x86-64-v2"
    assert rove(daemon, "run", "sh", "-c", "echo $GLIBC_TUNABLES$LD_BIND_NOW").stdout == "\n"


def test_run_refused_starts_nothing(daemon):
    daemon.answers[("POST", "/v1/run")] = (409, {"error": "n2 does not take it", "code": 125})
    done = rove(daemon, "run", "--on", "n2", "echo", "hello")
    assert (done.returncode, done.stdout) == (125, "") and "n2 does not take it" in done.stderr


def test_events_one_object_per_line(daemon):
    events = [{"time": 1.5, "node": "n1", "event": "move", "pid": 1, "from": "n1", "to": "n2", "figures": {}}] * 2
    daemon.answers[("GET", "/v1/events")] = (200, "".join(json.dumps(e) + "\n" for e in events).encode())
    done = rove(daemon, "events", "--json")
    assert [json.loads(line) for line in done.stdout.splitlines()] == events and done.returncode == 5


def test_init_and_join(tmp_path):
    first, second = tmp_path / "a" / "rove.toml", tmp_path / "b" / "rove.toml"
    done = rove(None, "init", "--config", str(first), "--node-name", "n1", "--address", "10.0.0.1")
    assert done.returncode == 0, done.stderr
    key = first.parent / "key"
    assert key.stat().st_mode & 0o777 == 0o600
    before = key.read_text()
    assert rove(None, "init", "--config", str(first), "--address", "10.0.0.1").returncode == 1
    assert key.read_text() == before
    done = rove(None, "join", "n1=10.0.0.1", "--config", str(second), "--node-name", "n2", "--address", "10.0.0.2",
                stdin=key.open())
    assert done.returncode == 0, done.stderr
    assert (second.parent / "key").read_text() == before
    assert 'address = "10.0.0.1:7946"' in second.read_text()
