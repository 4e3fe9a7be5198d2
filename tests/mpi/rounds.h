// SPDX-License-Identifier: Apache-2.0
// Rounds: what the MPI programs of the tests have in common.
//
// A program repeats a round of communication whose outcome it knows, until the file named by its
// first argument exists; rank 0 looks, and all hear of it. Each round is told on standard output
// by rank 0, so that a test sees that the job goes on. Any wrong value ends the job with a sentence.
#pragma once

#include <mpi.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int rank, size;

__attribute__((format(printf, 1, 2))) static inline _Noreturn void wrong(char const* format, ...) {
    va_list rest;
    va_start(rest, format);
    fprintf(stderr, "rank %d: ", rank);
    vfprintf(stderr, format, rest);
    fputc('\n', stderr);
    va_end(rest);
    MPI_Abort(MPI_COMM_WORLD, 1);
    abort();
}

// A value that says who made it, when, and which of his values it is.
static inline int32_t value_of(int who, int round, int index) {
    return (int32_t)(((uint32_t)who * 1000003u) ^ ((uint32_t)round * 10007u) ^ (uint32_t)index);
}

static inline void expect(int32_t seen, int32_t wanted, char const* what, int from, int round) {
    if (seen != wanted)
        wrong("%s of rank %d in round %d is %d, not %d", what, from, round, seen, wanted);
}

// Some CPU time between the messages, as programs have it.
static inline void compute(void) {
    for (volatile int i = 0; i < 2000000; i++) {}
}

// Whether there is another round. Ends a round for all.
static inline int another(char const* stop, int round) {
    int on = rank ? 0 : access(stop, F_OK) != 0;
    if (!rank) {
        printf("round %d\n", round);
        fflush(stdout);
    }
    MPI_Bcast(&on, 1, MPI_INT, 0, MPI_COMM_WORLD);
    return on;
}

static inline char const* begin(int argc, char** argv, int wanted_threads) {
    int given;
    MPI_Init_thread(&argc, &argv, wanted_threads, &given);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    if (argc != 2) wrong("usage: %s FILE-THAT-STOPS-IT", argv[0]);
    if (given < wanted_threads) wrong("this MPI gives thread level %d, not %d", given, wanted_threads);
    return argv[1];
}

// The last line is what a test looks for: all ranks have got here, and nothing was wrong.
static inline int finish(int rounds) {
    int least;
    MPI_Allreduce(&rounds, &least, 1, MPI_INT, MPI_MIN, MPI_COMM_WORLD);
    if (least != rounds) wrong("%d rounds here, %d elsewhere", rounds, least);
    if (!rank) printf("verified: %d ranks, %d rounds\n", size, rounds);
    MPI_Finalize();
    return 0;
}
