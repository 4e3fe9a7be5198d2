// SPDX-License-Identifier: Apache-2.0
// signal_restart: a read that a signal interrupts goes on with SA_RESTART and fails with EINTR without; so do wait, poll, nanosleep.
#include "guest.h"
#include <poll.h>
#include <sys/epoll.h>

static int pipes[2];
static volatile int calls, feed;
static void handler(int n, siginfo_t* info, void* context) {
    (void)n, (void)info, (void)context;
    calls++;
    if (feed && write(pipes[1], "x", 1) != 1) _exit(9);
}
// The pest sends a signal some milliseconds after each byte that it reads.
static pid_t pest(int from) {
    pid_t parent = getpid(), child = must(fork());
    if (child != 0) return child;
    char c;
    while (read(from, &c, 1) == 1) {
        struct timespec t = {0, 8000000};
        nanosleep(&t, NULL);
        if (kill(parent, SIGUSR1) != 0) _exit(1);
    }
    _exit(0);
}
int main(void) {
    must(pipe(pipes));
    int order[2];
    must(pipe2(order, O_CLOEXEC));
    signal(SIGUSR1, SIG_IGN);
    pid_t child = pest(order[0]);
    // The child must not hold the other end of its own pipe; it inherited it, so it is told by a signal at the end.
    int ep = must(epoll_create1(0));
    for (long i = 0; again(i, 5); i++) {
        char c = 0;
        calls = 0, feed = 0;
        on_signal(SIGUSR1, handler, 0);
        equal(write(order[1], "s", 1), 1);
        wants(EINTR, read(pipes[0], &c, 1));
        equal(calls, 1);
        on_signal(SIGUSR1, handler, SA_RESTART);
        feed = 1;
        equal(write(order[1], "s", 1), 1);
        equal(read(pipes[0], &c, 1), 1);
        equal(calls, 2);
        equal(c, 'x');
        feed = 0;
        struct pollfd p = {.fd = pipes[0], .events = POLLIN};
        equal(write(order[1], "s", 1), 1);
        wants(EINTR, poll(&p, 1, 10000)); // never restarted
        equal(write(order[1], "s", 1), 1);
        struct epoll_event event;
        wants(EINTR, epoll_wait(ep, &event, 1, 10000));
        struct timespec t = {10, 0}, rest = {0, 0};
        equal(write(order[1], "s", 1), 1);
        wants(EINTR, nanosleep(&t, &rest));
        check(rest.tv_sec == 9 && rest.tv_nsec > 0, "the rest is %ld.%09ld", (long)rest.tv_sec, rest.tv_nsec);
        equal(write(order[1], "s", 1), 1);
        wants(EINTR, pause());
        equal(calls, 6);
        on_signal(SIGUSR1, handler, 0);
        equal(write(order[1], "s", 1), 1);
        int status;
        wants(EINTR, waitpid(child, &status, 0));
        equal(calls, 7);
    }
    must(kill(child, SIGKILL));
    int status = wait_for(child);
    check(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    pass();
}
