// SPDX-License-Identifier: Apache-2.0
// Primes: counts the primes below a limit, each rank a share of each step's numbers, and adds the
// counts up after each step. The outcome is compared with a sieve's.
#include <mpi.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static int is_prime(uint32_t number) {
    if (number < 4) return number > 1;
    if (number % 2 == 0) return 0;
    for (uint32_t factor = 3; (uint64_t)factor * factor <= number; factor += 2)
        if (number % factor == 0) return 0;
    return 1;
}

static long sieve(uint32_t limit) {
    char* crossed = calloc(limit, 1);
    long found = 0;
    for (uint32_t number = 2; number < limit; number++) {
        if (crossed[number]) continue;
        found++;
        for (uint64_t multiple = (uint64_t)number * number; multiple < limit; multiple += number)
            crossed[multiple] = 1;
    }
    free(crossed);
    return found;
}

int main(int argc, char** argv) {
    int rank, size;
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    if (argc != 3 || atol(argv[1]) < 2 || atol(argv[1]) > 100000000 || atoi(argv[2]) < 1) {
        if (!rank) fprintf(stderr, "usage: primes LIMIT STEPS\n");
        MPI_Abort(MPI_COMM_WORLD, 2);
    }
    uint32_t const limit = (uint32_t)atol(argv[1]), steps = (uint32_t)atoi(argv[2]);
    long total = 0;
    // A step takes numbers from the whole range, so that all steps cost the same.
    for (uint32_t step = 0; step < steps; step++) {
        long mine = 0, all = 0;
        for (uint64_t n = step + (uint64_t)rank * steps; n < limit; n += (uint64_t)steps * (uint64_t)size)
            mine += is_prime((uint32_t)n);
        MPI_Allreduce(&mine, &all, 1, MPI_LONG, MPI_SUM, MPI_COMM_WORLD);
        total += all;
    }
    int wrong = 0;
    if (!rank) {
        long const known = sieve(limit);
        wrong = total != known;
        printf("%ld primes below %u, by %d ranks in %u steps: %s\n", total, limit, size, steps,
            wrong ? "WRONG" : "verified");
    }
    MPI_Bcast(&wrong, 1, MPI_INT, 0, MPI_COMM_WORLD);
    MPI_Finalize();
    return wrong;
}
