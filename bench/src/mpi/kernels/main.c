// SPDX-License-Identifier: Apache-2.0
// Kernels: KERNEL SIZE. Says `ready`, then answers each line "ITERATIONS" on the input of rank 0
// with
//   verified SECONDS [CPU SECONDS OF EACH RANK]
//   wrong SENTENCE
#include "kernel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../wishes.h"

enum { sentence = 80, pause_us = 20000 };

int rank, ranks;

static kernel const* const kernels[] = {&cg, &ep, &ft, &is, &mg, &stencil, &uneven};

void* memory(size_t count, size_t size) {
    void* found = calloc(count, size);
    if (!found) MPI_Abort(MPI_COMM_WORLD, 1);
    return found;
}

double sum_of_all(double mine) {
    double all;
    MPI_Allreduce(&mine, &all, 1, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
    return all;
}

double largest_of_all(double mine) {
    double all;
    MPI_Allreduce(&mine, &all, 1, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
    return all;
}

static kernel const* find(char const* name) {
    for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++)
        if (strcmp(kernels[i]->name, name) == 0) return kernels[i];
    fprintf(stderr, "there is no kernel %s\n", name);
    MPI_Abort(MPI_COMM_WORLD, 2);
    return NULL;
}

// What is wrong on the first rank on which something is; on rank 0. Empty: nothing.
static void gather_faults(char const* mine, char found[sentence]) {
    char own[sentence] = {0};
    char* all = memory((size_t)ranks, sentence);
    if (mine) snprintf(own, sizeof own, "%s", mine);
    MPI_Gather(own, sentence, MPI_CHAR, all, sentence, MPI_CHAR, 0, MPI_COMM_WORLD);
    int first = 0;
    while (first < ranks - 1 && !all[first * sentence])
        first++;
    memcpy(found, all + first * sentence, sentence);
    free(all);
}

static void tell_used(double mine) {
    double* all = memory((size_t)ranks, sizeof *all);
    MPI_Gather(&mine, 1, MPI_DOUBLE, all, 1, MPI_DOUBLE, 0, MPI_COMM_WORLD);
    for (int i = 0; i < ranks && rank == 0; i++)
        printf(" %.6f", all[i]);
    free(all);
}

static void run(kernel const* chosen, int iterations) {
    char wrong[sentence];
    chosen->fill();
    MPI_Barrier(MPI_COMM_WORLD);
    double const began = MPI_Wtime();
    chosen->work(iterations);
    MPI_Barrier(MPI_COMM_WORLD);
    double const seconds = MPI_Wtime() - began;
    gather_faults(chosen->fault(), wrong);
    if (rank == 0) wrong[0] ? printf("wrong %s", wrong) : printf("verified %.6f", seconds);
    if (chosen->used) tell_used(chosen->used());
    if (rank == 0) {
        putchar('\n');
        fflush(stdout);
    }
}

int main(int argc, char** argv) {
    char line[64];
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    if (argc != 3) MPI_Abort(MPI_COMM_WORLD, 2);
    kernel const* const chosen = find(argv[1]);
    chosen->prepare(atoi(argv[2]));
    MPI_Barrier(MPI_COMM_WORLD);
    if (rank == 0) {
        puts("ready");
        fflush(stdout);
    }
    for (;;) {
        int iterations = 0;
        if (rank == 0) {
            if (fgets(line, sizeof line, stdin)) iterations = atoi(line);
            tell(&iterations, 1, ranks);
        } else {
            hear(&iterations, 1, pause_us);
        }
        if (iterations < 1) break;
        run(chosen, iterations);
    }
    MPI_Finalize();
    return 0;
}
