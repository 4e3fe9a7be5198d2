// SPDX-License-Identifier: Apache-2.0
// fd_numbers: the lowest free number is given; dup, dup2, dup3, F_DUPFD and flags are exact; high numbers too.
#include "guest.h"

int main(void) {
    for (int fd = 3; fd < 1024; fd++) close(fd);
    int base = must(open("/dev/null", O_RDONLY));
    for (long i = 0; again(i, 40); i++) {
        for (int k = 1; k <= 40; k++) equal(dup(base), base + k);
        must(close(base + 7));
        must(close(base + 20));
        equal(open("/dev/null", O_RDONLY), base + 7);
        equal(open("/dev/zero", O_RDWR | O_CLOEXEC), base + 20);
        equal(fcntl(base + 20, F_GETFD), FD_CLOEXEC);
        equal(fcntl(base + 20, F_GETFL) & (O_ACCMODE | O_APPEND), O_RDWR);
        int p[2];
        must(pipe(p));
        check(p[0] == base + 41 && p[1] == base + 42, "pipe gave %d and %d", p[0], p[1]);
        equal(dup2(p[0], base + 5), base + 5);
        equal(dup2(base + 5, base + 5), base + 5);
        wants(EINVAL, dup3(base, base, 0));
        wants(EBADF, dup2(base + 100, base + 6));
        wants(EBADF, dup2(base, -1));
        equal(fcntl(base, F_DUPFD, 300), 300);
        equal(fcntl(base, F_DUPFD_CLOEXEC, 300), 301);
        // Every number up to 600 may be wanted, whatever Rove has there.
        for (int n = 100; n < 600; n += 13)
            if (n != 300 && n != 301) {
                equal(dup2(base, n), n);
                must(fcntl(n, F_GETFD));
                must(close(n));
                wants(EBADF, fcntl(n, F_GETFD));
                wants(EBADF, close(n));
            }
        must(close(300));
        must(close(301));
        for (int k = 1; k <= 42; k++) must(close(base + k));
        for (int k = 1; k <= 600; k++) wants(EBADF, fcntl(base + k, F_GETFD));
    }
    pass();
}
