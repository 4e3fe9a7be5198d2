// SPDX-License-Identifier: Apache-2.0
// fd_limit: exactly as many descriptors as RLIMIT_NOFILE allows, then EMFILE; again after the limit was changed.
#include "guest.h"

int main(void) {
    for (int fd = 3; fd < 1024; fd++) close(fd);
    struct rlimit limit;
    must(getrlimit(RLIMIT_NOFILE, &limit));
    rlim_t hard = limit.rlim_max;
    for (long i = 0; again(i, 10); i++) {
        rlim_t soft = 64 + (rlim_t)(i % 5) * 50;
        limit.rlim_cur = soft;
        must(setrlimit(RLIMIT_NOFILE, &limit));
        int last = -1, fd;
        while ((fd = open("/dev/null", O_RDONLY)) >= 0) last = fd;
        equal(errno, EMFILE);
        equal(last, (int)soft - 1);
        int p[2];
        wants(EMFILE, pipe(p));
        wants(EMFILE, dup(0));
        wants(EMFILE, socket(AF_UNIX, SOCK_STREAM, 0));
        wants(EMFILE, socketpair(AF_UNIX, SOCK_STREAM, 0, p));
        must(close(last));
        wants(EMFILE, pipe(p));
        equal(dup(0), last);
        wants(EBADF, dup2(0, (int)soft));
        wants(EINVAL, fcntl(0, F_DUPFD, (int)soft));
        for (fd = 3; fd <= last; fd++) must(close(fd));
        must(getrlimit(RLIMIT_NOFILE, &limit));
        check(limit.rlim_cur == soft && limit.rlim_max == hard);
    }
    pass();
}
