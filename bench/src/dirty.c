// SPDX-License-Identifier: Apache-2.0
// dirty: has MB of memory with something in it, of which it writes to some pages in each second: dirty MB [MB_PER_S].
// On a line of input it writes to every N-th page once, where N is what the line says.
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { page = 4096 };

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
    uint64_t began = now(), done = 0, at = 0;
    for (;;) {
        if (poll(&input, 1, per_s ? 1 : -1) > 0) {
            unsigned every = 0;
            if (scanf("%u", &every) != 1 || every == 0) return 0;
            for (size_t i = 0; i < pages; i += every) ++memory[i * (page / 8)];
            printf("1\n");
            fflush(stdout);
        }
        // What it was kept from is not made up for.
        uint64_t due = (now() - began) * per_s / 1000000000u;
        if (due > done + per_s / 200 + 1) began = now(), done = due = 0;
        for (; done < due; ++done, at = (at + 7919) % pages) ++memory[at * (page / 8) + 3];
    }
}
