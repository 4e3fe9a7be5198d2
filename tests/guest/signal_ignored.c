// SPDX-License-Identifier: Apache-2.0
// signal_ignored: a signal that is ignored, or whose default is to do nothing, disturbs no call.
#include "guest.h"
#include <poll.h>

int main(void) {
    signal(SIGUSR1, SIG_IGN);
    int pipes[2];
    must(pipe(pipes));
    pid_t parent = getpid(), child = must(fork());
    if (child == 0) {
        for (;;) {
            struct timespec t = {0, 2000000};
            nanosleep(&t, NULL);
            if (kill(parent, SIGUSR1) != 0 || kill(parent, SIGURG) != 0 || kill(parent, SIGWINCH) != 0) _exit(0);
        }
    }
    for (long i = 0; again(i, 5); i++) {
        struct pollfd p = {.fd = pipes[0], .events = POLLIN};
        equal(poll(&p, 1, 30), 0);
        struct timespec t = {0, 30000000};
        int64_t start = now_ns();
        must(nanosleep(&t, NULL));
        took(start, 30);
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, SIGUSR2);
        wants(EAGAIN, sigtimedwait(&set, NULL, &t));
    }
    must(kill(child, SIGKILL));
    wait_for(child);
    pass();
}
