# SPDX-License-Identifier: Apache-2.0
"""Terminal: a program on a pseudo terminal, typed to and read from."""
import os
import pty
import re
import select
import sys
import time

LIMIT_S = 200


class Terminal:
    def __init__(self, words):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="xterm", LINES="24", COLUMNS="80")
            os.execvp(words[0], words)
        self.shown = b""

    def read(self, seconds):
        """What is shown within so many seconds; False when the program has ended."""
        if select.select([self.fd], [], [], seconds)[0]:
            try:
                more = os.read(self.fd, 65536)
            except OSError:
                return False
            self.shown += more
            return bool(more)
        return True

    def until(self, done):
        """Reads on until done() is true."""
        end = time.monotonic() + LIMIT_S
        while not done():
            if time.monotonic() > end:
                sys.exit(f"nothing more is shown: {self.shown[-500:]!r}")
            self.read(0.1)

    def expect(self, pattern):
        self.until(lambda: re.search(pattern, self.shown))
        self.shown = b""

    def type(self, keys):
        os.write(self.fd, keys)

    def end(self):
        while self.read(1):
            pass
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
