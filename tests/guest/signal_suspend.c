// SPDX-License-Identifier: Apache-2.0
// signal_suspend: sigsuspend, ppoll and pselect with a mask of their own wake for exactly the signals that it lets through.
#include "guest.h"
#include <poll.h>
#include <sys/select.h>

static volatile int calls;
static void handler(int n, siginfo_t* info, void* context) {
    (void)n, (void)info, (void)context;
    calls++;
}
int main(void) {
    on_signal(SIGUSR1, handler, SA_RESTART);
    sigset_t one, none, old;
    sigemptyset(&none);
    sigemptyset(&one);
    sigaddset(&one, SIGUSR1);
    must(sigprocmask(SIG_BLOCK, &one, NULL));
    int pipes[2];
    must(pipe(pipes));
    for (long i = 0; again(i, 40); i++) {
        calls = 0;
        must(kill(getpid(), SIGUSR1));
        equal(calls, 0);
        wants(EINTR, sigsuspend(&none)); // already pending
        equal(calls, 1);
        pid_t parent = getpid(), child = must(fork());
        if (child == 0) _exit(kill(parent, SIGUSR1) != 0);
        wants(EINTR, sigsuspend(&none));
        equal(calls, 2);
        exits_well(child);
        must(sigprocmask(SIG_SETMASK, NULL, &old));
        equal(sigismember(&old, SIGUSR1), 1);
        must(kill(getpid(), SIGUSR1));
        struct timespec t = {0, 2000000}, longer = {10, 0};
        struct pollfd p = {.fd = pipes[0], .events = POLLIN};
        equal(ppoll(&p, 1, &t, NULL), 0);
        equal(calls, 2);
        wants(EINTR, ppoll(&p, 1, &longer, &none));
        equal(calls, 3);
        must(kill(getpid(), SIGUSR1));
        wants(EINTR, pselect(0, NULL, NULL, NULL, &longer, &none));
        equal(calls, 4);
    }
    pass();
}
