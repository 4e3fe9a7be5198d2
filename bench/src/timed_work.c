// SPDX-License-Identifier: Apache-2.0
// timed_work: the same work as work.c once for each line of standard input.
//
//   timed_work ROUNDS    answers each line with the CPU time (user + system) that the work took, in ns, as the program
//                        itself sees it, and the time on the wall
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/resource.h>

#include "timing.h"

static int64_t cpu_time(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000000ll + (u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1000ll;
}

int main(int argc, char** argv) {
    uint64_t rounds = argc > 1 ? strtoull(argv[1], 0, 10) : 1000000000ull, x = 88172645463325252ull;
    double sum = 0;
    char line[64];
    printf("ready\n");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        int64_t started = now(), used = cpu_time();
        for (uint64_t i = 0; i < rounds; ++i) {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            sum += (double)(x & 1023) * 1e-6;
        }
        used = cpu_time() - used;
        printf("%lld %lld %.3f\n", (long long)used, (long long)(now() - started), sum);
        fflush(stdout);
    }
    return 0;
}
