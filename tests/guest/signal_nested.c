// SPDX-License-Identifier: Apache-2.0
// signal_nested: handlers interrupt handlers; SA_NODEFER and SA_RESETHAND do what they say; calls made inside work.
#include "guest.h"

static volatile int depth, deepest, total;
static void nested(int n, siginfo_t* info, void* context) {
    (void)info, (void)context;
    total++;
    if (++depth > deepest) deepest = depth;
    char c = (char)n;
    int pipes[2];
    if (pipe(pipes) != 0 || write(pipes[1], &c, 1) != 1 || read(pipes[0], &c, 1) != 1 || c != (char)n) _exit(8);
    close(pipes[0]);
    close(pipes[1]);
    if (n == SIGUSR1) raise(SIGUSR2);
    if (n == SIGUSR2) raise(SIGHUP);
    if (n == SIGHUP && depth < 6) raise(SIGHUP); // SA_NODEFER
    depth--;
}
int main(void) {
    on_signal(SIGUSR1, nested, 0);
    on_signal(SIGUSR2, nested, 0);
    on_signal(SIGHUP, nested, SA_NODEFER);
    for (long i = 0; again(i, 50); i++) {
        deepest = total = 0;
        errno = 1234;
        raise(SIGUSR1);
        equal(depth, 0);
        equal(deepest, 6);
        equal(total, 6);
        on_signal(SIGTERM, nested, SA_RESETHAND);
        raise(SIGTERM);
        equal(total, 7);
        struct sigaction now;
        must(sigaction(SIGTERM, NULL, &now));
        check(now.sa_handler == SIG_DFL, "SA_RESETHAND did not reset");
    }
    pass();
}
