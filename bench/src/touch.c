// SPDX-License-Identifier: Apache-2.0
// touch: uses so much memory for the first time, gives it back, uses it again.
//
//   touch MB      prints the rates of both in bytes per second
//
// A virtual machine that gives free memory back to its host (free page reporting) has to get it again, page by page, when it is
// used the next time. That is the host's business and not what a move is measured for, so it is done before.
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double use(size_t bytes) {
    void* memory = mmap(0, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return perror("mmap"), exit(1), 0;
    madvise(memory, bytes, MADV_HUGEPAGE);
    double start = now();
    if (madvise(memory, bytes, MADV_POPULATE_WRITE)) return perror("madvise"), exit(1), 0;
    double rate = (double)bytes / (now() - start);
    munmap(memory, bytes);
    return rate;
}

int main(int argc, char** argv) {
    if (argc != 2) return fprintf(stderr, "usage: touch MB\n"), 2;
    size_t bytes = (size_t)atol(argv[1]) << 20;
    double first = use(bytes), second = use(bytes);
    printf("%.0f %.0f\n", first, second);
    return 0;
}
