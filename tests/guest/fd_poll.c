// SPDX-License-Identifier: Apache-2.0
// fd_poll: poll, select and epoll report what is ready, at once and when another thread makes it so; level, edge, one-shot.
#include "guest.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>

static int p[2], q[2];
static void* writer(void* arg) {
    spin(3000);
    equal(write(p[1], "w", 1), 1);
    return arg;
}
int main(void) {
    must(pipe(p));
    must(pipe(q));
    int ep = must(epoll_create1(EPOLL_CLOEXEC));
    struct epoll_event e = {.events = EPOLLIN, .data.u64 = 0xfeedfacecafebeef}, got[4];
    must(epoll_ctl(ep, EPOLL_CTL_ADD, p[0], &e));
    wants(EEXIST, epoll_ctl(ep, EPOLL_CTL_ADD, p[0], &e));
    char c[10];
    for (long i = 0; again(i, 40); i++) {
        struct pollfd f[4] = {{p[0], POLLIN, 0}, {p[1], POLLOUT, 0}, {-1, POLLIN, 77}, {900, POLLIN, 0}};
        equal(poll(f, 4, -1), 2);
        check(f[0].revents == 0 && f[1].revents == POLLOUT && f[2].revents == 0 && f[3].revents == POLLNVAL);
        pthread_t t;
        zero(pthread_create(&t, NULL, writer, NULL));
        equal(poll(f, 1, -1), 1);
        equal(f[0].revents, POLLIN);
        zero(pthread_join(t, NULL));
        equal(epoll_wait(ep, got, 4, 0), 1);
        check(got[0].events == EPOLLIN && got[0].data.u64 == 0xfeedfacecafebeef);
        fd_set in, out;
        FD_ZERO(&in);
        FD_ZERO(&out);
        FD_SET(p[0], &in);
        FD_SET(q[0], &in);
        FD_SET(p[1], &out);
        equal(select(q[1] + 1, &in, &out, NULL, NULL), 2);
        check(FD_ISSET(p[0], &in) && !FD_ISSET(q[0], &in) && FD_ISSET(p[1], &out));
        equal(read(p[0], c, 10), 1);
        e.events = EPOLLIN | EPOLLET, e.data.fd = q[0];
        must(epoll_ctl(ep, EPOLL_CTL_ADD, q[0], &e));
        equal(write(q[1], "ab", 2), 2);
        equal(epoll_wait(ep, got, 4, -1), 1);
        equal(got[0].data.fd, q[0]);
        equal(epoll_wait(ep, got, 4, 0), 0); // edge: only once
        e.events = EPOLLIN | EPOLLONESHOT;
        must(epoll_ctl(ep, EPOLL_CTL_MOD, q[0], &e));
        equal(epoll_wait(ep, got, 4, -1), 1);
        equal(epoll_wait(ep, got, 4, 0), 0);
        must(epoll_ctl(ep, EPOLL_CTL_DEL, q[0], NULL));
        equal(read(q[0], c, 10), 2);
        zero(pthread_create(&t, NULL, writer, NULL));
        equal(epoll_wait(ep, got, 1, -1), 1);
        zero(pthread_join(t, NULL));
        equal(read(p[0], c, 10), 1);
        wants(EBADF, epoll_ctl(ep, EPOLL_CTL_ADD, 900, &e));
        wants(EINVAL, epoll_wait(ep, got, 0, 0));
        wants(EFAULT, epoll_ctl(ep, EPOLL_CTL_ADD, q[0], (struct epoll_event*)8));
        int closed = must(dup(q[0]));
        must(close(closed));
        FD_ZERO(&in);
        FD_SET(closed, &in);
        wants(EBADF, select(closed + 1, &in, NULL, NULL, NULL));
    }
    pass();
}
