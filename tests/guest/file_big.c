// SPDX-License-Identifier: Apache-2.0
// file_big: single reads and writes of 16 MiB, to a file and through a pipe and a socket.
#include "guest.h"

static size_t const n = 16u << 20;
static int feed;
static char* source;
static void* feeder(void* arg) {
    equal(write(feed, source, n), n);
    close(feed);
    return arg;
}
int main(void) {
    source = malloc(n);
    char* back = malloc(n);
    for (size_t k = 0; k < n / 8; k++) ((uint64_t*)source)[k] = k * 0x9e3779b97f4a7c15ull;
    for (long i = 0; again(i, 2); i++) {
        int fd = must(open("big", O_RDWR | O_CREAT | O_TRUNC, 0600));
        equal(write(fd, source, n), n);
        memset(back, 1, n);
        equal(pread(fd, back, n, 0), n);
        check(memcmp(source, back, n) == 0, "the file has other bytes");
        must(close(fd));
        for (int kind = 0; kind < 2; kind++) {
            int p[2];
            if (kind == 0) must(pipe(p));
            else must(socketpair(AF_UNIX, SOCK_STREAM, 0, p));
            feed = p[1];
            pthread_t t;
            zero(pthread_create(&t, NULL, feeder, NULL));
            memset(back, 1, n);
            size_t got = 0;
            for (ssize_t r; (r = must(read(p[0], back + got, n - got))) > 0;) got += (size_t)r;
            equal(got, n);
            zero(pthread_join(t, NULL));
            check(memcmp(source, back, n) == 0, "other bytes came through");
            must(close(p[0]));
        }
    }
    pass();
}
