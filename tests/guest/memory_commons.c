// SPDX-License-Identifier: Apache-2.0
// memory_commons: anonymous shared memory that nobody else maps is memory like any other: large and sparse, cut up, protected, moved and grown.
#include "guest.h"

enum { page = 4096, large = 64 << 20 };

static unsigned char* get(size_t bytes) {
    return must(mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
}

int main(void) {
    unsigned char* sparse = get(large);
    unsigned char* cut = get(6 * page);
    unsigned char* here = get(4 * page);
    fill(sparse, page, 1);
    fill(sparse + large - page, page, 2);
    fill(cut, 6 * page, 3);
    must(munmap(cut + 2 * page, page));
    must(mprotect(cut + 4 * page, page, PROT_READ));
    unsigned char expected[6 * page];
    for (long i = 0; again(i, 30); i++) {
        fill(here, 4 * page, (uint32_t)i);
        // To another place, with new memory at the old one.
        unsigned char* there = get(4 * page);
        there = must(mremap(here, 4 * page, 4 * page, MREMAP_MAYMOVE | MREMAP_FIXED, there));
        must(mmap(here, 4 * page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
        fill(here, page, (uint32_t)i + 1);
        spin(20000);
        fill(expected, 4 * page, (uint32_t)i);
        check(memcmp(there, expected, 4 * page) == 0, "what was moved, in round %ld", i);
        fill(expected, page, (uint32_t)i + 1);
        check(memcmp(here, expected, page) == 0, "what is new, in round %ld", i);
        for (int at = page; at < 4 * page; at += page) equal(here[at], 0);
        // Given up, and yet there: it is not private.
        must(madvise(there, 4 * page, MADV_DONTNEED));
        fill(expected, 4 * page, (uint32_t)i);
        check(memcmp(there, expected, 4 * page) == 0, "what was given up, in round %ld", i);
        must(munmap(there, 4 * page));
        fill(expected, 6 * page, 3);
        check(memcmp(cut, expected, 2 * page) == 0 && memcmp(cut + 3 * page, expected + 3 * page, 3 * page) == 0,
              "what was cut, in round %ld", i);
        fill(expected, page, 1);
        check(memcmp(sparse, expected, page) == 0, "the first page, in round %ld", i);
        fill(expected, page, 2);
        check(memcmp(sparse + large - page, expected, page) == 0, "the last page, in round %ld", i);
        equal(sparse[large / 2], 0);
        must(msync(sparse, large, MS_SYNC));
    }
    pass();
}
