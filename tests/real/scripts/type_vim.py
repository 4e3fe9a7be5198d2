# SPDX-License-Identifier: Apache-2.0
"""Edits a file in vim by keys; what the file holds afterwards is what counts."""
import sys

from terminal import Terminal

screen = Terminal(["vim", "-Nu", "NONE", "-i", "NONE", sys.argv[1]])
screen.expect(rb"1000L|1000 lines")
for n in range(12):
    screen.type(b"ggO typed %d\x1b" % n)
    screen.type(b":%d,%ds/a/A%d/ge\r" % (n * 50 + 5, n * 50 + 30, n))
    screen.type(b"yy5p/Z*e\rdwu" + b"jjdd")
    screen.type(b":echo 'step' %d + 1000\r" % n)
    screen.expect(b"step %d" % (n + 1000))
screen.type(b":g/^ typed/m$\r:%!sort -r\r:echo 'sorted' 1 + 1\r")
screen.expect(b"sorted 2")
screen.type(b":w\r:split\r:vsplit\r:resize 5\r:wqa\r")
print("vim ended with", screen.end())
print(sum(1 for _ in open(sys.argv[1])))
