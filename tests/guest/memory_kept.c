// SPDX-License-Identifier: Apache-2.0
// memory_kept: pages that are written now and then, by the program and by the kernel, moved, given up, protected: each has what
// was written last. What it must be follows from the number of the round, so nothing that is stale can look right.
#include "guest.h"
#include <sys/uio.h>

enum { page = 4096, count = 48 };
typedef unsigned char Pages[count][page];

// A page is written every n-th round.
static long every(int which) { return 1 + which % 7; }
static long written(long round, int which) { return round - round % every(which); }
static unsigned char value(long round, int which) { return (unsigned char)(1 + (written(round, which) * 31 + which) % 255); }
static int is_due(long round, int which) { return round % every(which) == 0; }

static void put(Pages* pages, long round, int which) { memset((*pages)[which] + which, value(round, which), 64); }
static void look(Pages* pages, long round, int which) {
    equal((*pages)[which][which], value(round, which));
    equal((*pages)[which][which + 63], value(round, which));
}
static Pages* map(int fd) {
    return must(mmap(NULL, sizeof(Pages), PROT_READ | PROT_WRITE, MAP_PRIVATE | (fd < 0 ? MAP_ANONYMOUS : 0), fd, 0));
}

int main(void) {
    static Pages still;
    int fd = must(open("file", O_RDWR | O_CREAT | O_TRUNC, 0600)), bytes = must(open("bytes", O_RDWR | O_CREAT | O_TRUNC, 0600));
    must(ftruncate(fd, sizeof(Pages)));
    Pages *plain = map(-1), *of_file = map(fd), *moved = map(-1), *given_up = map(-1), *given_back = map(fd), *by_kernel = map(-1),
          *wiped = map(-1);
    Pages* heap = must(sbrk(sizeof(Pages) + page));
    unsigned char* elsewhere = must(mmap(NULL, 2 * sizeof(Pages), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    heap = (Pages*)(((uintptr_t)heap + page - 1) & ~(uintptr_t)(page - 1));
    fill(still, sizeof still, 3);
    uint64_t whole = sum(still, sizeof still);
    for (long i = 0; again(i, 40); i++) {
        for (int k = 0; k < count; k++) {
            if (!is_due(i, k)) continue;
            put(plain, i, k);
            put(of_file, i, k);
            put(moved, i, k);
            put(heap, i, k);
            unsigned char content[64];
            memset(content, value(i, k), sizeof content);
            equal(pwrite(bytes, content, sizeof content, 0), sizeof content);
            equal(pread(bytes, (*by_kernel)[k] + k, sizeof content, 0), sizeof content);
            must(madvise((*given_up)[k], page, MADV_DONTNEED));
            must(madvise((*given_back)[k], page, MADV_DONTNEED)); // the file's zeros again
            put(wiped, i, k);
        }
        // Between two places, so that each holds pages of all ages.
        if (i % 5 == 4)
            moved = must(mremap(moved, sizeof(Pages), sizeof(Pages), MREMAP_MAYMOVE | MREMAP_FIXED, elsewhere + (i / 5 % 2) * sizeof(Pages)));
        must(mprotect(plain, sizeof(Pages) / 2, PROT_READ));
        spin(300000); // moves strike here …
        if (i % 6 == 3) must(madvise(wiped, sizeof(Pages), MADV_WIPEONFORK)); // which is done at home
        if (i % 6 == 0) must(madvise(wiped, sizeof(Pages), MADV_KEEPONFORK));
        spin(100000); // … and here
        must(mprotect(plain, sizeof(Pages) / 2, PROT_READ | PROT_WRITE));
        for (int k = 0; k < count; k++) {
            look(plain, i, k);
            look(of_file, i, k);
            look(moved, i, k);
            look(heap, i, k);
            look(by_kernel, i, k);
            look(wiped, i, k);
            equal((*given_up)[k][7], is_due(i, k) ? 0 : i > 0 ? 9 : 0);
            equal((*given_back)[k][7], (*given_up)[k][7]);
            (*given_up)[k][7] = (*given_back)[k][7] = 9;
        }
        if (i % 8 == 0) equal(sum(still, sizeof still), whole);
    }
    pass();
}
