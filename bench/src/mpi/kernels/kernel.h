// SPDX-License-Identifier: Apache-2.0
// Kernel: a fixed work of all ranks of a job, which verifies its own result.
//
// prepare() is called once. Then for each run fill() makes the input, work() is what is timed, and
// fault() looks at the result. All ranks call all of them, and their number is a power of two.
#pragma once

#include <mpi.h>
#include <stddef.h>
#include <stdint.h>

typedef struct kernel {
    char const* name;
    void (*prepare)(int size); // what is counted by it is the kernel's matter
    void (*fill)(void);
    void (*work)(int iterations);
    char const* (*fault)(void); // what is wrong on this rank; NULL: nothing
    double (*used)(void);       // CPU seconds of this rank's work; NULL: it does not know
} kernel;

extern kernel const cg, ep, ft, is, mg, stencil, uneven;
extern int rank, ranks;

// Zeros. Without memory the job ends.
void* memory(size_t count, size_t size);
double sum_of_all(double mine);
double largest_of_all(double mine);

// A number that looks like chance and is the same wherever it is asked for, so that what is
// computed does not depend on how many ranks there are.
static inline uint64_t hash(uint64_t x) {
    x += 0x9e3779b97f4a7c15;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return x ^ (x >> 31);
}

// From 0 to 1, without 1.
static inline double unit(uint64_t x) {
    return (double)(hash(x) >> 11) * 0x1p-53;
}
