// SPDX-License-Identifier: Apache-2.0
// Pair: messages between two ranks. Says `ready`, then for each line on the input of rank 0:
//   latency PARTNER SIZE ROUNDS     half a round trip, µs, each round
//   bandwidth PARTNER SIZE COUNT    of COUNT messages, MB/s; 16 are under way at a time
// PARTNER is a word that is not looked at: there is but one. What comes back must be what was sent.
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wishes.h"

enum { size_max = 8 << 20, window = 16, there = 1, answer = 2, pause_us = 500 };

static char *out, *in;

static void fill(int size, int round) {
    for (int i = 0; i < size; i += 509)
        out[i] = (char)(i * 7 + round);
}

static void latency(int rank, int size, int rounds) {
    for (int i = 0; i < rounds; i++) {
        if (rank == 0) fill(size, i);
        double const began = MPI_Wtime();
        if (rank == 0) {
            MPI_Send(out, size, MPI_BYTE, 1, there, MPI_COMM_WORLD);
            MPI_Recv(in, size, MPI_BYTE, 1, answer, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
            printf("%.2f ", (MPI_Wtime() - began) / 2 * 1e6);
            if (memcmp(out, in, (size_t)size) != 0) MPI_Abort(MPI_COMM_WORLD, 1);
        } else {
            MPI_Recv(in, size, MPI_BYTE, 0, there, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
            MPI_Send(in, size, MPI_BYTE, 0, answer, MPI_COMM_WORLD);
        }
    }
}

static void bandwidth(int rank, int size, int count) {
    MPI_Request requests[window];
    double const began = MPI_Wtime();
    for (int done = 0; done < count; done += window) {
        for (int i = 0; i < window; i++)
            if (rank == 0)
                MPI_Isend(out, size, MPI_BYTE, 1, there, MPI_COMM_WORLD, &requests[i]);
            else
                MPI_Irecv(in, size, MPI_BYTE, 0, there, MPI_COMM_WORLD, &requests[i]);
        MPI_Waitall(window, requests, MPI_STATUSES_IGNORE);
    }
    if (rank == 0) {
        MPI_Recv(in, 1, MPI_BYTE, 1, answer, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        int const sent = (count + window - 1) / window * window;
        printf("%.3f", (double)sent * size / (MPI_Wtime() - began) / 1e6);
    } else {
        MPI_Send(out, 1, MPI_BYTE, 0, answer, MPI_COMM_WORLD);
    }
}

int main(int argc, char** argv) {
    int rank;
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    out = calloc(1, size_max);
    in = calloc(1, size_max);
    if (rank == 0) {
        puts("ready");
        fflush(stdout);
    }
    char line[256], verb[32], partner[128];
    for (;;) {
        int wanted[3] = {0, 0, 0}; // what, size, how many
        if (rank == 0 && fgets(line, sizeof line, stdin) &&
            sscanf(line, "%31s %127s %d %d", verb, partner, &wanted[1], &wanted[2]) == 4)
            wanted[0] = strcmp(verb, "latency") == 0 ? 1 : 2;
        if (rank == 0)
            tell(wanted, 3, 2);
        else
            hear(wanted, 3, pause_us);
        if (wanted[0] == 0 || wanted[1] > size_max) break;
        wanted[0] == 1 ? latency(rank, wanted[1], wanted[2])
                       : bandwidth(rank, wanted[1], wanted[2]);
        if (rank == 0) {
            putchar('\n');
            fflush(stdout);
        }
    }
    MPI_Finalize();
    return 0;
}
