// SPDX-License-Identifier: Apache-2.0
// pieces: a part of a job, split into equal processes that only compute.
//
//   pieces ROUNDS    answers each line "COUNT", after that many children have done ROUNDS / COUNT rounds each, with the CPU
//                    seconds of each of them
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "used.h"

enum { slice = 1 << 19, children_max = 64 };

static double compute(uint64_t slices) {
    uint64_t x = 88172645463325252ull;
    double sum = 0;
    used cpu = begin_used();
    for (uint64_t at = 0; at < slices; ++at) {
        for (int i = 0; i < slice; ++i) {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            sum += (double)(x & 1023) * 1e-6;
        }
        count_slice(&cpu);
    }
    return sum < 0 ? 0 : used_seconds(&cpu, slices); // never less: keeps the work
}

int main(int argc, char** argv) {
    uint64_t const rounds = argc > 1 ? strtoull(argv[1], 0, 10) : 1000000000ull;
    char line[64];
    printf("ready\n");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        int const count = atoi(line);
        if (count < 1 || count > children_max) return 2;
        int results[2];
        if (pipe(results)) return 1;
        for (int child = 0; child < count; ++child) {
            pid_t const pid = fork();
            if (pid < 0) return 1;
            if (pid == 0) {
                double const seconds = compute(rounds / slice / (uint64_t)count);
                _exit(write(results[1], &seconds, sizeof seconds) == sizeof seconds ? 0 : 1);
            }
        }
        for (int child = 0, status; child < count; ++child)
            if (wait(&status) < 0 || status) return 1;
        for (int child = 0; child < count; ++child) {
            double seconds;
            if (read(results[0], &seconds, sizeof seconds) != sizeof seconds) return 1;
            printf("%.6f%c", seconds, child + 1 < count ? ' ' : '\n');
        }
        fflush(stdout);
        close(results[0]);
        close(results[1]);
    }
    return 0;
}
