// SPDX-License-Identifier: Apache-2.0
// standing: looks at the clock all the time, and writes to some of its memory: standing MB [MB_PER_S]. On a line of input it says for how
// many µs it has stood at most since the last one, and how many words of its memory are not what it has written.
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { page = 4096, words = page / 8 };

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

int main(int argc, char** argv) {
    size_t size = (argc > 1 ? strtoull(argv[1], 0, 10) : 1) << 20, pages = size / page;
    uint64_t per_s = (argc > 2 ? strtoull(argv[2], 0, 10) : 0) * (1 << 20) / page;
    uint64_t* memory = aligned_alloc(page, size);
    for (size_t i = 0; i < size / 8; ++i) memory[i] = i * 0x9e3779b97f4a7c15ull + 1;
    printf("ready\n");
    fflush(stdout);
    struct pollfd input = {0, POLLIN, 0};
    uint64_t began = now(), last = began, asked = began, longest = 0, done = 0, at = 0;
    for (;;) {
        uint64_t time = now();
        if (time - last > longest) longest = time - last;
        last = time;
        if (time - asked > 20000000) {
            asked = time;
            if (poll(&input, 1, 0) > 0) {
                if (getchar() == EOF) return 0;
                size_t wrong = 0;
                for (size_t i = 0; i < size / 8; ++i) wrong += i % words != 3 && memory[i] != i * 0x9e3779b97f4a7c15ull + 1;
                printf("%llu %zu\n", (unsigned long long)longest / 1000, wrong);
                fflush(stdout);
                longest = 0;
                asked = began = now();
                done = 0;
            }
            last = now();
        }
        // What it was kept from is not made up for.
        uint64_t due = (time - began) * per_s / 1000000000u;
        if (due > done + per_s / 200 + 1) began = time, done = due = 0;
        if (done < due) ++memory[at * words + 3], ++done, at = (at + 7919) % pages;
    }
}
