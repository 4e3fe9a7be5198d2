// SPDX-License-Identifier: Apache-2.0
// fd_listing: /proc/self/fd lists exactly the program's own descriptors; close_range and closefrom close exactly those.
#include "guest.h"
#include <dirent.h>

static int list(int* found, int max) {
    DIR* d = opendir("/proc/self/fd");
    check(d != NULL);
    int n = 0;
    for (struct dirent* e; (e = readdir(d)) != NULL;)
        if (e->d_name[0] != '.' && atoi(e->d_name) != dirfd(d)) {
            check(n < max);
            found[n++] = atoi(e->d_name);
        }
    closedir(d);
    return n;
}
int main(void) {
    for (int fd = 3; fd < 1024; fd++) close(fd);
    for (long i = 0; again(i, 30); i++) {
        int fds[100];
        equal(list(fds, 100), 3);
        int a = must(open("/dev/null", O_RDONLY)), b = must(open("/dev/zero", O_RDONLY));
        equal(fcntl(a, F_DUPFD, 77), 77);
        equal(list(fds, 100), 6);
        check(fds[0] == 0 && fds[3] == a && fds[4] == b && fds[5] == 77);
        char path[64], target[64] = "";
        snprintf(path, sizeof path, "/proc/self/fd/%d", b);
        equal(readlink(path, target, sizeof target), 9);
        check(strcmp(target, "/dev/zero") == 0);
        wants(ENOENT, readlink("/proc/self/fd/78", target, sizeof target));
        must(syscall(SYS_close_range, 50, ~0u, 0));
        equal(list(fds, 100), 5);
        wants(EBADF, fcntl(77, F_GETFD));
        must(syscall(SYS_close_range, 3, ~0u, 4 /* CLOSE_RANGE_CLOEXEC */));
        equal(fcntl(a, F_GETFD), FD_CLOEXEC);
        must(syscall(SYS_close_range, 3, ~0u, 0));
        equal(list(fds, 100), 3);
        must(getpid()); // it still works
        wants(EINVAL, syscall(SYS_close_range, 9, 3, 0));
    }
    pass();
}
