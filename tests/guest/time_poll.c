// SPDX-License-Identifier: Apache-2.0
// time_poll: poll, ppoll, select, pselect and epoll_wait keep their timeouts when nothing happens, and never give EINTR.
#include "guest.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>

int main(void) {
    int pipes[2];
    must(pipe(pipes));
    int ep = must(epoll_create1(0));
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = 0x1234567812345678};
    must(epoll_ctl(ep, EPOLL_CTL_ADD, pipes[0], &event));
    for (long i = 0; again(i, 3); i++) {
        struct pollfd p = {.fd = pipes[0], .events = POLLIN, .revents = 7};
        int64_t start = now_ns();
        equal(poll(&p, 1, 30), 0);
        took(start, 30);
        equal(p.revents, 0);
        struct timespec t = {0, 30000000};
        start = now_ns();
        equal(ppoll(&p, 1, &t, NULL), 0);
        took(start, 30);
        fd_set set;
        FD_ZERO(&set);
        FD_SET(pipes[0], &set);
        struct timeval tv = {0, 30000};
        start = now_ns();
        equal(select(pipes[0] + 1, &set, NULL, NULL, &tv), 0);
        took(start, 30);
        check(!FD_ISSET(pipes[0], &set), "the set was not cleared");
        check(tv.tv_sec == 0 && tv.tv_usec == 0, "select left %ld.%06ld", (long)tv.tv_sec, (long)tv.tv_usec);
        start = now_ns();
        equal(pselect(0, NULL, NULL, NULL, &t, NULL), 0);
        took(start, 30);
        start = now_ns();
        equal(epoll_wait(ep, &event, 1, 30), 0);
        took(start, 30);
        start = now_ns();
        equal(poll(NULL, 0, 20), 0);
        took(start, 20);
        equal(poll(&p, 1, 0), 0);
        equal(epoll_wait(ep, &event, 1, 0), 0);
    }
    pass();
}
