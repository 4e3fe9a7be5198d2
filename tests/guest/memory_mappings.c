// SPDX-License-Identifier: Apache-2.0
// memory_mappings: mmap, munmap, mremap, mprotect and madvise of anonymous memory, in patterns.
#include "guest.h"

static size_t const page = 4096;
static char* map(void* at, size_t n, int protection, int flags) {
    char* p = mmap(at, n, protection, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
    check(p != MAP_FAILED, "mmap: %s", strerror(errno));
    return p;
}

int main(void) {
    char* kept = map(NULL, 64 * page, PROT_READ | PROT_WRITE, 0);
    fill(kept, 64 * page, 5);
    uint64_t kept_sum = sum(kept, 64 * page);
    char* sparse = map(NULL, (size_t)1 << 36, PROT_READ | PROT_WRITE, MAP_NORESERVE);
    sparse[(size_t)1 << 35] = 42;
    for (long i = 0; again(i, 100); i++) {
        char* p = map(NULL, 16 * page, PROT_READ | PROT_WRITE, 0);
        fill(p, 16 * page, (uint32_t)i);
        must(munmap(p + 4 * page, 2 * page)); // a hole
        must(mprotect(p + 8 * page, page, PROT_READ));
        must(mprotect(p + 9 * page, page, PROT_NONE));
        uint64_t before = sum(p, 4 * page);
        char* hole = map(p + 4 * page, page, PROT_READ | PROT_WRITE, MAP_FIXED_NOREPLACE);
        check(hole == p + 4 * page && hole[0] == 0 && hole[page - 1] == 0, "a new page is not zero");
        errno = 0;
        check(mmap(p, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED &&
              errno == EEXIST);
        check(sum(p, 4 * page) == before);
        char* grown = mremap(p, 4 * page, 40 * page, MREMAP_MAYMOVE);
        check(grown != MAP_FAILED && sum(grown, 4 * page) == before, "mremap lost contents");
        check(grown[39 * page] == 0);
        must(madvise(grown, 2 * page, MADV_DONTNEED));
        check(grown[0] == 0 && grown[2 * page - 1] == 0, "MADV_DONTNEED did not drop");
        check(mremap(grown, 40 * page, 2 * page, 0) == grown, "shrinking moved");
        char* place = map(NULL, 2 * page, PROT_NONE, 0);
        grown[5] = 9;
        check(mremap(grown, 2 * page, 2 * page, MREMAP_MAYMOVE | MREMAP_FIXED, place) == place && place[5] == 9);
        must(munmap(place, 2 * page));
        wants(ENOMEM, mprotect(p + 5 * page, page, PROT_READ)); // still a hole
        must(munmap(p + 4 * page, page));
        must(mprotect(p + 8 * page, 2 * page, PROT_READ | PROT_WRITE));
        must(munmap(p + 6 * page, 10 * page));
        wants(EINVAL, mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        wants(EINVAL, munmap((char*)1, page));
        wants(EBADF, mmap(NULL, page, PROT_READ, MAP_PRIVATE, -1, 0));
        unsigned char resident[64];
        must(mincore(kept, 64 * page, resident));
        check(sum(kept, 64 * page) == kept_sum, "memory that nobody touched changed");
        check(sparse[(size_t)1 << 35] == 42 && sparse[((size_t)1 << 35) + page] == 0, "sparse memory changed");
    }
    pass();
}
