// SPDX-License-Identifier: Apache-2.0
// memory_lock: mlock, munlock, mlock2 and MADV_DONTFORK/WIPEONFORK do what they say.
// may: stay home
#include "guest.h"

int main(void) {
    size_t const page = 4096;
    char* p = must(mmap(NULL, 8 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    memset(p, 1, 8 * page);
    must(madvise(p + 4 * page, page, MADV_WIPEONFORK));
    must(madvise(p + 5 * page, page, MADV_DONTFORK));
    for (long i = 0; again(i, 30); i++) {
        must(mlock(p, 2 * page));
        must(munlock(p, 2 * page));
        pid_t child = must(fork());
        if (child == 0) {
            check(p[0] == 1, "inherited memory changed");
            check(p[4 * page] == 0, "MADV_WIPEONFORK did not wipe");
            unsigned char vec;
            wants(ENOMEM, mincore(p + 5 * page, page, &vec));
            _exit(0);
        }
        exits_well(child);
        check(p[4 * page] == 1 && p[5 * page] == 1, "the parent's pages changed");
    }
    pass();
}
