// SPDX-License-Identifier: Apache-2.0
// process_orphan: after a double fork the grandchild lives on with another parent; a subreaper gets it; setsid gives a new session.
#include "guest.h"
#include <sys/prctl.h>

int main(void) {
    must(prctl(PR_SET_CHILD_SUBREAPER, 1));
    for (long i = 0; again(i, 20); i++) {
        int p[2];
        must(pipe(p));
        pid_t me = getpid(), child = must(fork());
        if (child == 0) {
            pid_t middle = getpid(), grand = must(fork());
            if (grand == 0) {
                while (getppid() == middle) sched_yield();
                equal(getppid(), me);
                check(setsid() == getpid() && getpgrp() == getpid() && getsid(0) == getpid());
                pid_t self = getpid();
                equal(write(p[1], &self, sizeof self), sizeof self);
                _exit(21);
            }
            _exit(0);
        }
        exits_well(child);
        pid_t grand;
        equal(read(p[0], &grand, sizeof grand), sizeof grand);
        equal(WEXITSTATUS(wait_for(grand)), 21);
        must(close(p[0]));
        must(close(p[1]));
    }
    pass();
}
