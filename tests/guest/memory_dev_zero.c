// SPDX-License-Identifier: Apache-2.0
// memory_dev_zero: a private mapping of /dev/zero is memory like any other, touched and untouched.
#include "guest.h"

int main(void) {
    int fd = must(open("/dev/zero", O_RDWR));
    unsigned char* a = must(mmap(NULL, 5 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0));
    unsigned char* b = must(mmap(NULL, 5 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0));
    must(close(fd));
    a[4096] = 1;
    b[4096] = 2;
    for (long i = 0; again(i, 20); i++) {
        spin(20000);
        equal(a[4096], 1);
        equal(b[4096], 2);
        a[2 * 4096] = (unsigned char)i;
        b[2 * 4096] = (unsigned char)(i + 1);
        spin(20000);
        equal(a[2 * 4096], (unsigned char)i);
        equal(b[2 * 4096], (unsigned char)(i + 1));
        equal(a[3 * 4096], 0);
        must(madvise(b + 2 * 4096, 4096, MADV_DONTNEED));
        equal(b[2 * 4096], 0);
    }
    equal(a[4 * 4096], 0);
    equal(b[0], 0);
    pass();
}
