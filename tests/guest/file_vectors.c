// SPDX-License-Identifier: Apache-2.0
// file_vectors: readv, writev, preadv, pwritev2 with 1 to 1024 pieces; 1025 are refused; empty and uneven pieces.
#include "guest.h"
#include <sys/uio.h>

int main(void) {
    static char content[1024 * 61], got[1024 * 61];
    struct iovec io[1025];
    for (int i = 0; again(i, 30); i++) {
        int count = (int[]){1, 2, 3, 7, 16, 100, 1023, 1024}[i % 8];
        int fd = must(open("vectors", O_RDWR | O_CREAT | O_TRUNC, 0600));
        fill(content, sizeof content, (uint32_t)i);
        size_t total = 0;
        for (int k = 0; k < count; k++) {
            io[k].iov_base = content + total;
            io[k].iov_len = (size_t)(k * 13 % 61);
            total += io[k].iov_len;
        }
        equal(writev(fd, io, count), total);
        memset(got, 0, sizeof got);
        total = 0;
        for (int k = 0; k < count; k++) { // read back in other pieces
            io[k].iov_base = got + total;
            io[k].iov_len = (size_t)((count - 1 - k) * 13 % 61);
            total += io[k].iov_len;
        }
        equal(lseek(fd, 0, SEEK_SET), 0);
        equal(readv(fd, io, count), total);
        check(memcmp(content, got, total) == 0, "%d pieces", count);
        struct iovec two[2] = {{content, 5}, {content + 100, 6}};
        equal(pwritev(fd, two, 2, 1000), 11);
        struct iovec back = {got, 11};
        equal(preadv(fd, &back, 1, 1000), 11);
        check(memcmp(got, content, 5) == 0 && memcmp(got + 5, content + 100, 6) == 0);
        for (int k = 0; k < 1025; k++) io[k].iov_base = got, io[k].iov_len = 1;
        wants(EINVAL, readv(fd, io, 1025));
        volatile int negative = -1;
        wants(EINVAL, readv(fd, io, negative));
        equal(readv(fd, io, 0), 0);
        io[1].iov_len = (size_t)-1;
        wants(EINVAL, writev(fd, io, 2));
        must(close(fd));
    }
    pass();
}
