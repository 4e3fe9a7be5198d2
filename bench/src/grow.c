// SPDX-License-Identifier: Apache-2.0
// grow: a process that computes with more and more memory.
//
//   grow MIB STEPS    says `ready`; answers a line with the seconds that it took: STEPS steps, each of which computes for a
//                     while with one page. In the first third of them its memory grows to MIB, and every page that it has got is as likely as another.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "timing.h"

enum { page = 4096, words = page / 8 };

int main(int argc, char** argv) {
    if (argc < 3) return 2;
    uint64_t const pages = strtoull(argv[1], 0, 10) << 20 >> 12, steps = strtoull(argv[2], 0, 10);
    uint64_t x = 88172645463325252ull ^ (pages << 32);
    char line[64];
    uint64_t* const memory = mmap(0, pages * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) return 1;
    printf("ready\n");
    fflush(stdout);
    if (!fgets(line, sizeof line, stdin)) return 1;
    int64_t const begun = now();
    uint64_t sum = 0;
    for (uint64_t step = 0; step < steps; ++step) {
        uint64_t there = step < steps / 3 ? 1 + pages * step / (steps / 3) : pages;
        if (there > pages) there = pages;
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        uint64_t* const at = memory + x % there * words;
        for (int turn = 0; turn < 3; ++turn)
            for (int i = 0; i < words; ++i)
                sum += at[i] = at[i] * 6364136223846793005ull + x;
    }
    printf("%.3f %llu\n", (double)(now() - begun) * 1e-9, (unsigned long long)sum);
    fflush(stdout);
    return 0;
}
