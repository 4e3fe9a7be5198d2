// SPDX-License-Identifier: Apache-2.0
// memory_large: 48 MiB of data, partly zero, rewritten in stripes; every byte is checked.
#include "guest.h"

int main(void) {
    size_t const n = 48u << 20, stripe = 1u << 20;
    unsigned char* p = must(mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    uint32_t stamp[48] = {0};
    for (long i = 0; again(i, 30); i++) {
        unsigned k = (unsigned)(i * 7 % 48);
        stamp[k] = k % 5 == 0 ? 0 : (uint32_t)i + 1; // every fifth is written with zeros
        uint64_t* words = (uint64_t*)(p + k * stripe);
        for (size_t w = 0; w < stripe / 8; w++) words[w] = stamp[k] ? stamp[k] * 0x9e3779b97f4a7c15ull + w : 0;
        for (unsigned j = 0; j < 48; j++) {
            uint64_t const* there = (uint64_t const*)(p + j * stripe);
            for (size_t w = 0; w < stripe / 8; w += j == k ? 1 : 61)
                check(there[w] == (stamp[j] ? stamp[j] * 0x9e3779b97f4a7c15ull + w : 0), "stripe %u, word %zu", j, w);
        }
    }
    pass();
}
