// SPDX-License-Identifier: Apache-2.0
// process_groups: process groups and sessions, killing a group, and the errors of setpgid.
#include "guest.h"

int main(void) {
    pid_t session = getsid(0), group = getpgrp();
    for (long i = 0; again(i, 20); i++) {
        pid_t child[3];
        for (int k = 0; k < 3; k++) {
            child[k] = must(fork());
            if (child[k] == 0) {
                for (;;) pause();
            }
            must(setpgid(child[k], child[0]));
        }
        for (int k = 0; k < 3; k++) {
            equal(getpgid(child[k]), child[0]);
            equal(getsid(child[k]), session);
        }
        equal(getpgrp(), group);
        must(kill(-child[0], SIGTERM));
        for (int k = 0; k < 3; k++) {
            int status;
            check(waitpid(-child[0], &status, 0) > 0 && WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
        }
        wants(ECHILD, waitpid(-child[0], NULL, 0));
        wants(ESRCH, kill(-child[0], 0));
        wants(ESRCH, setpgid(child[1], 0));
        wants(EINVAL, setpgid(0, -1));
    }
    pass();
}
