// SPDX-License-Identifier: Apache-2.0
// fd_pipe_child: a child process, at home or not, talks with this one over two pipes; EOF when it ends.
#include "guest.h"

int main(void) {
    int there[2], back[2];
    must(pipe(there));
    must(pipe(back));
    pid_t child = must(fork());
    if (child == 0) {
        close(there[1]);
        close(back[0]);
        char block[512];
        for (ssize_t n; (n = read(there[0], block, sizeof block)) > 0;) {
            for (ssize_t k = 0; k < n; k++) block[k] ^= 0x20;
            if (write(back[1], block, (size_t)n) != n) _exit(1);
        }
        _exit(0);
    }
    close(there[0]);
    close(back[1]);
    for (long i = 0; again(i, 300); i++) {
        char text[64], got[64] = "";
        int n = snprintf(text, sizeof text, "line number %ld", i);
        equal(write(there[1], text, (size_t)n), n);
        for (int k = 0; k < n;) k += (int)must(read(back[0], got + k, (size_t)(n - k)));
        for (int k = 0; k < n; k++) equal(got[k], text[k] ^ 0x20);
    }
    close(there[1]);
    char c;
    equal(read(back[0], &c, 1), 0);
    exits_well(child);
    pass();
}
