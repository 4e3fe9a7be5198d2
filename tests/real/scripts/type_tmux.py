# SPDX-License-Identifier: Apache-2.0
"""A tmux server with two windows, driven from a terminal and by commands; what its panes hold is printed."""
import os
import re
import subprocess
import time

from terminal import Terminal

TMUX = ["tmux", "-S", os.path.abspath("tmux.sock"), "-f", "/dev/null"]


def ask(*words):
    return subprocess.run([*TMUX, *words], capture_output=True, text=True, timeout=200).stdout


def await_text(pane, text):
    for _ in range(2000):
        if text in (shown := ask("capture-pane", "-p", "-t", pane)):
            return shown
        time.sleep(0.05)
    raise SystemExit(f"{pane} does not show {text}:\n{shown}")


screen = Terminal([*TMUX, "new-session", "-s", "main", "-x", "80", "-y", "24", "env PS1='$ ' sh"])
screen.expect(rb"\$ ")
for n in range(5):
    screen.type(b"echo $((%d * 3 + 1000)) and $(seq 3 | tr '\\n' .)\r" % n)
    screen.expect(b"%d and 1.2.3." % (n * 3 + 1000))
ask("new-window", "-t", "main:7", "env PS1='# ' sh")
ask("split-window", "-h", "-t", "main:7", "env PS1='% ' sh")
for pane, prompt in ("main:7.0", "#"), ("main:7.1", "%"):
    await_text(pane, prompt)  # what is typed before would be shown before it
    ask("send-keys", "-t", pane, "seq 5; stty size; echo the e''nd", "Enter")
    print(await_text(pane, "the end").rstrip())
ask("send-keys", "-t", "main:7.1", "clear; echo go''ing; sleep 500", "Enter")
await_text("main:7.1", "going")
ask("send-keys", "-t", "main:7.1", "C-c", "")
ask("send-keys", "-t", "main:7.1", "echo status $? l''ater", "Enter")
print(re.search(r"status \d+ later", await_text("main:7.1", "0 later"))[0])
print(ask("list-windows", "-t", "main", "-F", "#{window_index} #{window_panes} #{window_width}x#{window_height}").rstrip())
ask("run-shell", "-t", "main", "true")
ask("kill-session", "-t", "main")
print("client ended with", screen.end())
