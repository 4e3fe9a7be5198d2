# SPDX-License-Identifier: Apache-2.0
"""A part of Python's own test suite: system calls, descriptors, terminals, threads, children, time."""
from program import Program, without_numbers

MODULES = ["test_eintr", "test_epoll", "test_fcntl", "test_file", "test_fileio", "test_fork1", "test_mmap", "test_poll", "test_popen",
           "test_posix", "test_pty", "test_resource", "test_select", "test_tempfile", "test_thread", "test_time", "test_wait3", "test_wait4"]


def verdict(text):
    return without_numbers(b"\n".join(line for line in text.splitlines() if not line.startswith(b"Total duration")))


PROGRAM = Program(["python3", "-m", "test", "-q", *MODULES], ["python3"], scrub=verdict, limit=900)
