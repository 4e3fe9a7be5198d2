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
static int order[2], said[2];
// The pest sends a signal some milliseconds after it is told to start, and again until it is told to stop: one may
// come before the call that it shall interrupt.
static pid_t pest(void) {
    pid_t parent = getpid(), child = must(fork());
    if (child != 0) return child;
    char c;
    while (read(order[0], &c, 1) == 1) {
        struct pollfd p = {.fd = order[0], .events = POLLIN};
        while (poll(&p, 1, 8) == 0)
            if (kill(parent, SIGUSR1) != 0) _exit(1);
        if (read(order[0], &c, 1) != 1 || write(said[1], "e", 1) != 1) _exit(2);
    }
    _exit(0);
}
static void start(void) {
    calls = 0;
    equal(write(order[1], "s", 1), 1);
}
static void stop(void) {
    char c;
    while (write(order[1], "e", 1) != 1) equal(errno, EINTR);
    while (read(said[0], &c, 1) != 1) equal(errno, EINTR);
    check(calls >= 1, "the handler did not run");
}
int main(void) {
    must(pipe(pipes));
    must(pipe2(order, O_CLOEXEC));
    must(pipe2(said, O_CLOEXEC));
    signal(SIGUSR1, SIG_IGN);
    pid_t child = pest();
    int ep = must(epoll_create1(0));
    for (long i = 0; again(i, 5); i++) {
        char c = 0;
        feed = 0;
        on_signal(SIGUSR1, handler, 0);
        start();
        wants(EINTR, read(pipes[0], &c, 1));
        stop();
        on_signal(SIGUSR1, handler, SA_RESTART);
        feed = 1;
        start();
        equal(read(pipes[0], &c, 1), 1);
        equal(c, 'x');
        stop();
        feed = 0;
        struct pollfd p = {.fd = pipes[0], .events = POLLIN};
        while (poll(&p, 1, 0) == 1) equal(read(pipes[0], &c, 1), 1); // what later signals have fed
        start();
        wants(EINTR, poll(&p, 1, 10000)); // never restarted
        stop();
        struct epoll_event event;
        start();
        wants(EINTR, epoll_wait(ep, &event, 1, 10000));
        stop();
        struct timespec t = {10, 0}, rest = {0, 0};
        start();
        wants(EINTR, nanosleep(&t, &rest));
        stop();
        check(rest.tv_sec == 9 && rest.tv_nsec > 0, "the rest is %ld.%09ld", (long)rest.tv_sec, rest.tv_nsec);
        start();
        wants(EINTR, pause());
        stop();
        on_signal(SIGUSR1, handler, 0);
        start();
        int status;
        wants(EINTR, waitpid(child, &status, 0));
        stop();
    }
    must(kill(child, SIGKILL));
    int status = wait_for(child);
    check(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    pass();
}
