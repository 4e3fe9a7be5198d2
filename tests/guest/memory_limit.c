// SPDX-License-Identifier: Apache-2.0
// memory_limit: a limit of the address space that the process sets itself binds it at once, wherever it is, and is gone when it is lifted.
#include "guest.h"

static void* map(size_t size) {
    return mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

int main(void) {
    size_t const gigabyte = 1ul << 30;
    struct rlimit before, now;
    must(getrlimit(RLIMIT_AS, &before));
    for (long i = 0; again(i, 5); i++) {
        struct rlimit const four = {4 * gigabyte, before.rlim_max};
        must(i % 2 == 0 ? setrlimit(RLIMIT_AS, &four) : prlimit(0, RLIMIT_AS, &four, NULL));
        void* small = must(map(gigabyte));
        wants(ENOMEM, map(5 * gigabyte));
        must(getrlimit(RLIMIT_AS, &now));
        equal(now.rlim_cur, 4 * gigabyte);
        must(setrlimit(RLIMIT_AS, &before));
        void* large = must(map(5 * gigabyte));
        must(munmap(small, gigabyte));
        must(munmap(large, 5 * gigabyte));
        spin(200000);
    }
    pass();
}
