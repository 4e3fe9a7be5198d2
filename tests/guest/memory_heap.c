// SPDX-License-Identifier: Apache-2.0
// memory_heap: malloc, realloc and free of all sizes; the break grows and shrinks; contents stay.
#include "guest.h"

int main(void) {
    enum { slots = 200 };
    static char* block[slots];
    static size_t size[slots];
    uint32_t x = 1;
    for (long i = 0; again(i, 40); i++) {
        for (int k = 0; k < 300; k++) {
            x = x * 1664525u + 1013904223u;
            unsigned s = (x >> 8) % slots;
            if (block[s] != NULL) {
                char* expected = malloc(size[s]);
                fill(expected, size[s], s);
                check(memcmp(block[s], expected, size[s]) == 0, "block %u of %zu bytes changed", s, size[s]);
                free(expected);
            }
            size_t n = 1 + (x >> 12) % ((x & 31) == 0 ? 400000 : 2000);
            block[s] = realloc(block[s], n);
            check(block[s] != NULL);
            size[s] = n;
            fill(block[s], n, s);
        }
        char* end = sbrk(0);
        check(sbrk(1 << 20) == (void*)end, "sbrk did not return the old break");
        for (size_t at = 0; at < 1 << 20; at++) check(end[at] == 0, "new memory is not zero");
        memset(end, 7, 1 << 20);
        check(sbrk(-(1 << 19)) == (void*)(end + (1 << 20)));
        check(end[(1 << 19) - 1] == 7, "memory below the break changed");
        check(sbrk(-(1 << 19)) == (void*)(end + (1 << 19)));
        check(sbrk(0) == (void*)end, "the break did not come back");
    }
    pass();
}
