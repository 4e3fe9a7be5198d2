// SPDX-License-Identifier: Apache-2.0
// memory_again: where memory was locked, or a file was mapped, there are zeros when it is mapped anew.
#include "guest.h"

enum { length = 8 * 4096 };
static void is_zero(unsigned char const* at) {
    for (int i = 0; i < length; i += 512) equal(at[i], 0);
}
static unsigned char* anew(unsigned char* at) {
    must(munmap(at, length));
    return must(mmap(at, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0));
}
int main(void) {
    int fd = must(open("file", O_RDWR | O_CREAT | O_TRUNC, 0600));
    unsigned char bytes[length];
    fill(bytes, length, 7);
    equal(write(fd, bytes, length), length);
    unsigned char* space = must(mmap(NULL, 3 * length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    unsigned char *locked = anew(space), *mapped = anew(space + length);
    for (long i = 0; again(i, 20); i++) {
        memset(locked, 0x5a, length);
        must(mlock(locked, length));
        must(munmap(mapped, length));
        mapped = must(mmap(mapped, length, PROT_READ, MAP_PRIVATE | MAP_FIXED_NOREPLACE, fd, 0));
        spin(200000); // moves strike here …
        must(munlock(locked, length));
        locked = anew(locked);
        locked[5] = 1;
        mapped = anew(mapped);
        memset(mapped, 0x77, length);
        spin(200000); // … and here
        equal(locked[5], 1);
        locked[5] = 0;
        is_zero(locked);
        must(madvise(mapped, length, MADV_DONTNEED));
        is_zero(mapped);
        mapped = anew(mapped);
    }
    pass();
}
