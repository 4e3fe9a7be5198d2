// SPDX-License-Identifier: Apache-2.0
// fd_stdin_closed: a program that closes its standard descriptors gets their numbers anew; the rest still works.
#include "guest.h"

int main(void) {
    int out = must(dup(1));
    must(close(0));
    must(close(1));
    must(close(2));
    for (long i = 0; again(i, 40); i++) {
        int p[2];
        must(pipe(p));
        check(p[0] == 0 && p[1] == 1);
        equal(open("/dev/null", O_WRONLY), 2);
        equal(write(1, "abc", 3), 3);
        char text[4];
        equal(read(0, text, 4), 3);
        must(close(0));
        must(close(1));
        must(close(2));
    }
    equal(write(out, "still here\n", 11), 11);
    _exit(0);
}
