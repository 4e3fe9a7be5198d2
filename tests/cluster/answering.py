# SPDX-License-Identifier: Apache-2.0
"""A program that answers words on its standard input with numbers; `program` is its process."""
import select


class Answering:
    def answer(self):
        assert select.select([self.program.stdout], [], [], 30)[0], "no answer"
        return int(self.program.stdout.readline())

    def tell(self, word):
        self.program.stdin.write(f"{word}\n")
        self.program.stdin.flush()

    def ask(self, word):
        self.tell(word)
        return self.answer()
