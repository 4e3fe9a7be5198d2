// SPDX-License-Identifier: Apache-2.0
// process_parent_death: a child with PR_SET_PDEATHSIG gets its signal when its parent ends.
#include "guest.h"
#include <sys/prctl.h>

int main(void) {
    for (long i = 0; again(i, 15); i++) {
        int p[2];
        must(pipe(p));
        pid_t child = must(fork());
        if (child == 0) {
            int up[2];
            must(pipe(up));
            pid_t grand = must(fork());
            if (grand == 0) {
                must(prctl(PR_SET_PDEATHSIG, SIGKILL));
                equal(write(up[1], "u", 1), 1);
                for (;;) pause();
            }
            char c;
            equal(read(up[0], &c, 1), 1);
            _exit(0);
        }
        must(close(p[1]));
        exits_well(child);
        char c;
        equal(read(p[0], &c, 1), 0); // the end: the grandchild, the last writer, is gone
        must(close(p[0]));
    }
    pass();
}
