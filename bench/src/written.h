// SPDX-License-Identifier: Apache-2.0
// Written: memory with something in each word, of which some pages are written to in each second, spread over all of it.
#pragma once
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "timing.h"

enum { page = 4096, words = page / 8, changed = 3 /* the word of each page that is written to */ };

struct written {
    uint64_t* memory;
    size_t pages;
    uint64_t per_s, done, at;
    int64_t began;
};

static inline uint64_t filling(size_t i) {
    return i * 0x9e3779b97f4a7c15ull + 1;
}

// MB [MB_PER_S], which says that it is ready.
static inline struct written fill(int argc, char** argv) {
    size_t size = (argc > 1 ? strtoull(argv[1], 0, 10) : 1) << 20;
    struct written it = {aligned_alloc(page, size), size / page, (argc > 2 ? strtoull(argv[2], 0, 10) : 0) * (1 << 20) / page, 0, 0, 0};
    for (size_t i = 0; i < size / 8; ++i) it.memory[i] = filling(i);
    printf("ready\n");
    fflush(stdout);
    it.began = now();
    return it;
}

static inline void begin_anew(struct written* it, int64_t time) {
    it->began = time;
    it->done = 0;
}

// Those that are due by then, `most` at a time. What it was kept from is not made up for.
static inline void write_due(struct written* it, int64_t time, uint64_t most) {
    uint64_t due = (uint64_t)(time - it->began) * it->per_s / 1000000000u;
    if (due > it->done + it->per_s / 200 + 1) {
        begin_anew(it, time);
        return;
    }
    for (; it->done < due && most > 0; ++it->done, --most, it->at = (it->at + 7919) % it->pages) ++it->memory[it->at * words + changed];
}
