// SPDX-License-Identifier: Apache-2.0
// bad_pointers: a bad address gives EFAULT as natively: nothing is consumed from a pipe, partly bad buffers transfer what they can.
#include "guest.h"
#include <poll.h>
#include <sys/uio.h>

int main(void) {
    char* page = must(mmap(NULL, 2 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    must(mprotect(page + 4096, 4096, PROT_NONE));
    char* volatile low = (char*)16; // volatile: the compiler must not warn of what is meant
    char* bad = low;
    char got[100];
    int p[2];
    must(pipe(p));
    int fd = must(open("bad", O_RDWR | O_CREAT | O_TRUNC, 0600));
    memset(page, 'b', 4096);
    for (int k = 0; k < 5; k++) equal(write(fd, page, 4096), 4096);
    for (long i = 0; again(i, 50); i++) {
        equal(write(p[1], "12345678", 8), 8);
        wants(EFAULT, read(p[0], bad, 8));
        wants(EFAULT, read(p[0], page + 4096, 8));
        struct pollfd f = {.fd = p[0], .events = POLLIN};
        equal(poll(&f, 1, 0), 1);
        equal(read(p[0], got, 100), 8); // still all there
        check(memcmp(got, "12345678", 8) == 0);
        wants(EFAULT, write(p[1], bad, 5));
        wants(EFAULT, write(p[1], page + 4096, 5));
        wants(EAGAIN, (fcntl(p[0], F_SETFL, O_NONBLOCK), read(p[0], got, 1)));
        must(fcntl(p[0], F_SETFL, 0));
        equal(pread(fd, page + 4096 - 100, 300, 0), 100); // a file gives what fits
        equal(pwrite(fd, page + 4096 - 50, 300, 0), 50);
        wants(EFAULT, open(bad, O_RDONLY));
        wants(EFAULT, stat("bad", (struct stat*)bad));
        wants(EFAULT, pipe((int*)bad));
        wants(EFAULT, fcntl(fd, F_GETLK, bad));
        wants(EFAULT, getcwd(bad, 100) == NULL ? -1 : 0);
        wants(EFAULT, syscall(SYS_uname, bad));
        wants(EFAULT, readv(fd, (struct iovec*)bad, 2));
        struct iovec io[2] = {{got, 10}, {bad, 10}};
        equal(lseek(fd, 0, SEEK_SET), 0);
        equal(readv(fd, io, 2), 10);
        wants(EFAULT, poll((struct pollfd*)bad, 1, 0));
        wants(EFAULT, syscall(SYS_clock_gettime, CLOCK_MONOTONIC, bad));
        wants(EFAULT, syscall(SYS_rt_sigaction, SIGUSR1, bad, NULL, 8));
        wants(EFAULT, syscall(SYS_execve, bad, NULL, NULL));
        wants(EFAULT, syscall(SYS_getrandom, bad, 8, 0));
        memset(page, 'b', 4096);
    }
    pass();
}
