// SPDX-License-Identifier: Apache-2.0
// memory_many_mappings: a thousand mappings of alternating protection, each with its own contents.
#include "guest.h"

int main(void) {
    enum { count = 1000 };
    size_t const page = 4096;
    char* base = must(mmap(NULL, count * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    for (int k = 0; k < count; k++) {
        fill(base + k * page, page, (uint32_t)k);
        if (k % 2) must(mprotect(base + k * page, page, PROT_READ));
    }
    uint64_t whole = sum(base, count * page);
    for (long i = 0; again(i, 10); i++) {
        check(sum(base, count * page) == whole, "contents changed");
        for (int k = 0; k < count; k += 100) must(mprotect(base + k * page, page, i % 2 ? PROT_READ : PROT_READ | PROT_WRITE));
    }
    pass();
}
