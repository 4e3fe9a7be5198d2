// SPDX-License-Identifier: Apache-2.0
// fd_pipe: pipes to oneself: capacity, non-blocking ends, EOF, order of bytes, FIONREAD, a reader thread.
#include "guest.h"
#include <sys/ioctl.h>

static int p[2];
static void* reader(void* arg) {
    uint64_t* total = arg;
    char block[777];
    for (ssize_t n; (n = read(p[0], block, sizeof block)) != 0;) {
        check(n > 0, "%s", strerror(errno));
        for (ssize_t k = 0; k < n; k++) *total = *total * 31 + (unsigned char)block[k];
    }
    return NULL;
}
int main(void) {
    for (long i = 0; again(i, 10); i++) {
        must(pipe(p));
        uint64_t got = 0, expected = 0;
        pthread_t t;
        zero(pthread_create(&t, NULL, reader, &got));
        static unsigned char block[200000];
        fill(block, sizeof block, (uint32_t)i);
        for (size_t k = 0; k < sizeof block; k++) expected = expected * 31 + block[k];
        equal(write(p[1], block, sizeof block), sizeof block);
        must(close(p[1]));
        zero(pthread_join(t, NULL));
        check(got == expected, "other bytes came out");
        must(close(p[0]));
        must(pipe2(p, O_NONBLOCK));
        int size = must(fcntl(p[1], F_GETPIPE_SZ)), n = 0;
        wants(EAGAIN, read(p[0], block, 10));
        for (int r; (r = (int)write(p[1], block, 4096)) > 0; n += r) {
        }
        equal(errno, EAGAIN);
        equal(n, size);
        int waiting;
        must(ioctl(p[0], FIONREAD, &waiting));
        equal(waiting, n);
        must(close(p[1]));
        while (n > 0) n -= (int)must(read(p[0], block, sizeof block));
        equal(read(p[0], block, 1), 0);
        must(close(p[0]));
    }
    pass();
}
