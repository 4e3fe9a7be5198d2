// SPDX-License-Identifier: Apache-2.0
// signal_pipe: a write to a pipe or socket without reader raises SIGPIPE before it returns EPIPE; MSG_NOSIGNAL does not.
#include "guest.h"

static volatile int calls;
static void handler(int n, siginfo_t* info, void* context) {
    (void)n, (void)context;
    if (info->si_code != SI_USER && info->si_code != SI_KERNEL) _exit(6);
    calls++;
}
int main(void) {
    for (long i = 0; again(i, 30); i++) {
        on_signal(SIGPIPE, handler, 0);
        calls = 0;
        int p[2];
        must(pipe(p));
        close(p[0]);
        wants(EPIPE, write(p[1], "x", 1));
        equal(calls, 1);
        close(p[1]);
        must(socketpair(AF_UNIX, SOCK_STREAM, 0, p));
        close(p[0]);
        wants(EPIPE, write(p[1], "x", 1));
        equal(calls, 2);
        wants(EPIPE, send(p[1], "x", 1, MSG_NOSIGNAL));
        equal(calls, 2);
        signal(SIGPIPE, SIG_IGN);
        wants(EPIPE, write(p[1], "x", 1));
        equal(calls, 2);
        close(p[1]);
        pid_t child = must(fork());
        if (child == 0) {
            signal(SIGPIPE, SIG_DFL);
            must(pipe(p));
            close(p[0]);
            if (write(p[1], "x", 1) >= 0) _exit(1);
            _exit(2);
        }
        int status = wait_for(child);
        check(WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE, "status %x", status);
    }
    pass();
}
