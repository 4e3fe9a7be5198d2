// SPDX-License-Identifier: Apache-2.0
// memory_merged: memory that grew by what was mapped beside it is moved as one piece.
#include "guest.h"

enum { page = 4096, count = 4 };

int main(void) {
    for (long i = 0; again(i, 20); i++) {
        char* room = must(mmap(NULL, 4 * count * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        int const flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, prot = PROT_READ | PROT_WRITE;
        must(mmap(room, count * page, prot, flags, -1, 0));
        memset(room, 'a', count * page);
        spin(200000); // moves strike here
        must(mmap(room + count * page, count * page, prot, flags, -1, 0));
        memset(room + count * page, 'b', count * page);
        char* moved = must(mremap(room, 2 * count * page, 3 * count * page, MREMAP_MAYMOVE));
        equal(moved[5], 'a');
        equal(moved[count * page], 'b');
        equal(moved[3 * count * page - 1], 0);
        must(munmap(moved, 3 * count * page));
        must(munmap(room, 4 * count * page));
    }
    pass();
}
