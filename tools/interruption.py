# SPDX-License-Identifier: Apache-2.0
"""interruption: what is asked to end cleans up first. One signal raises KeyboardInterrupt; those that follow, as when a whole process group
is signalled and its leader passes it on, do not disturb the cleaning up."""
import contextlib
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
STATUS = 130
PATIENCE_S = 120


def once():
    def end(*_):
        for number in ENDING:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    for number in ENDING:
        signal.signal(number, end)


class Child(subprocess.Popen):
    """A process that is given the time to clean up when we are interrupted."""

    def __exit__(self, kind, *rest):
        if kind is KeyboardInterrupt and self.poll() is None:
            self.send_signal(signal.SIGINT)
            try:
                self.communicate(timeout=PATIENCE_S)
            except subprocess.TimeoutExpired:
                self.kill()
        return super().__exit__(kind, *rest)


def run(name, main):
    """The exit status of main(), which may be interrupted and cleans up behind itself."""
    once()
    try:
        return main()
    except KeyboardInterrupt:
        print(f"{name}: interrupted; everything is taken down", file=sys.stderr)
        return STATUS


@contextlib.contextmanager
def folder(prefix):
    """A new one, which is left to who looks for the cause of a failure, but not by who is interrupted."""
    made = pathlib.Path(tempfile.mkdtemp(prefix=prefix))
    try:
        yield made
    except KeyboardInterrupt:
        shutil.rmtree(made, ignore_errors=True)
        raise
