// SPDX-License-Identifier: Apache-2.0
// fd_event: eventfd counts and blocks, as a semaphore too; timerfd counts its expirations; both wake epoll.
#include "guest.h"
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

static void* adder(void* arg) {
    spin(2000);
    uint64_t n = 5;
    equal(write(*(int*)arg, &n, 8), 8);
    return NULL;
}
int main(void) {
    int ev = must(eventfd(0, 0)), sem = must(eventfd(3, EFD_SEMAPHORE | EFD_NONBLOCK));
    for (long i = 0; again(i, 10); i++) {
        uint64_t n = 0;
        pthread_t t;
        zero(pthread_create(&t, NULL, adder, &ev));
        equal(read(ev, &n, 8), 8);
        equal(n, 5);
        zero(pthread_join(t, NULL));
        for (int k = 0; k < 3; k++) {
            equal(read(sem, &n, 8), 8);
            equal(n, 1);
        }
        wants(EAGAIN, read(sem, &n, 8));
        n = 3;
        equal(write(sem, &n, 8), 8);
        wants(EINVAL, write(sem, &n, 4));
        int tm = must(timerfd_create(CLOCK_MONOTONIC, 0));
        struct itimerspec it = {{0, 4000000}, {0, 20000000}}, left;
        int64_t start = now_ns();
        must(timerfd_settime(tm, 0, &it, NULL));
        equal(read(tm, &n, 8), 8);
        took(start, 20);
        check(n >= 1);
        must(timerfd_gettime(tm, &left));
        equal(left.it_interval.tv_nsec, 4000000);
        struct pollfd p = {.fd = tm, .events = POLLIN};
        equal(poll(&p, 1, -1), 1);
        spin(1000);
        equal(read(tm, &n, 8), 8);
        must(close(tm));
    }
    pass();
}
