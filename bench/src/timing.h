// SPDX-License-Identifier: Apache-2.0
// Timing: the clock of these programs, and what they say of many times. The clock is the vdso's, which costs no call.
#pragma once
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

static inline int64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static inline int compare_times(void const* a, void const* b) {
    int64_t x = *(int64_t const*)a, y = *(int64_t const*)b;
    return x < y ? -1 : x > y;
}

// Puts them in order.
static inline int64_t median(int64_t* times, int count) {
    qsort(times, (size_t)count, sizeof *times, compare_times);
    return times[count / 2];
}
