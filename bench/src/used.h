// SPDX-License-Identifier: Apache-2.0
// Used: the CPU time of a process's work, which is done in equal slices.
//
// It is added up from short intervals. The kernel of a node knows nothing of what a process used
// elsewhere, so its account goes back at some moves, and on at others; an interval that such a move
// falls into is left out, and counted as the others are on average.
#pragma once
#include <stdint.h>
#include <time.h>

#include "timing.h"

typedef struct used {
    int64_t sum_ns, before_ns, began_ns; // `began_ns` on the wall
    uint64_t counted;
} used;

static inline int64_t cpu_time_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static inline used begin_used(void) {
    int64_t const began_ns = now();
    return (used){.before_ns = cpu_time_ns(), .began_ns = began_ns};
}

// Since the last slice. More CPU time than has passed is that of another node.
static inline void count_slice(used* u) {
    int64_t const began_ns = now(), used_ns = cpu_time_ns(), took_ns = used_ns - u->before_ns;
    if (took_ns > 0 && took_ns <= now() - u->began_ns) {
        u->sum_ns += took_ns;
        ++u->counted;
    }
    u->before_ns = used_ns;
    u->began_ns = began_ns;
}

static inline double used_seconds(used const* u, uint64_t slices) {
    return u->counted ? (double)u->sum_ns * 1e-9 * (double)slices / (double)u->counted : 0;
}
