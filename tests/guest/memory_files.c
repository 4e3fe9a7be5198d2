// SPDX-License-Identifier: Apache-2.0
// memory_files: private and read-only mappings of files: contents, copy on write, offsets, a mapping that outlives its name.
#include "guest.h"

int main(void) {
    size_t const n = 20 * 4096 + 100;
    char* content = malloc(n);
    fill(content, n, 3);
    int fd = must(open("mapped", O_RDWR | O_CREAT | O_TRUNC, 0600));
    equal(write(fd, content, n), n);
    char* early = must(mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0));
    early[5000] = 'x';
    content[5000] = 'x';
    for (long i = 0; again(i, 50); i++) {
        char* p = must(mmap(NULL, n, PROT_READ, MAP_PRIVATE, fd, 0));
        char* q = must(mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 4096));
        char* s = must(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 8192));
        check(memcmp(p + 8192, content + 8192, n - 8192) == 0, "a private mapping shows other bytes");
        check(memcmp(s, content + 8192, 4096) == 0, "a shared mapping shows other bytes");
        q[1] = 'q';
        check(p[4097] == content[4097], "copy on write leaked");
        for (size_t at = n; at < 21 * 4096; at++) check(p[at] == 0, "the tail of the last page is not zero");
        check(memcmp(early, content, n) == 0, "an early mapping changed");
        must(munmap(p, n));
        must(munmap(q, 8192));
        must(munmap(s, 4096));
    }
    must(unlink("mapped"));
    must(close(fd));
    check(memcmp(early, content, n) == 0);
    wants(ENODEV, mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, must(open("/proc/self", O_RDONLY)), 0));
    pass();
}
