// SPDX-License-Identifier: Apache-2.0
// Latency: for each line on standard input, what a message from rank 0 to rank 1 takes, as a line
// of JSON: size in bytes → microseconds one way, the median of the round trips, halved.
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { largest = 1 << 20, most_rounds = 200 };

static int const sizes[] = {1, 1024, 16384, 65536, largest};
static char out[largest], in[largest];

static int by_length(void const* one, void const* other) {
    double const a = *(double const*)one, b = *(double const*)other;
    return (a > b) - (a < b);
}

static double there_and_back(int rank, int bytes) {
    double const began = MPI_Wtime();
    if (rank == 0) {
        MPI_Send(out, bytes, MPI_BYTE, 1, 0, MPI_COMM_WORLD);
        MPI_Recv(in, bytes, MPI_BYTE, 1, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    } else {
        MPI_Recv(in, bytes, MPI_BYTE, 0, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        MPI_Send(in, bytes, MPI_BYTE, 0, 0, MPI_COMM_WORLD);
    }
    return MPI_Wtime() - began;
}

static double median_us(int rank, int bytes) {
    static double seconds[most_rounds];
    int const rounds = bytes > 65536 ? most_rounds / 10 : most_rounds;
    for (int i = 0; i < bytes; i++)
        out[i] = (char)(i * 7 + bytes);
    for (int warm = 0; warm < 5; warm++)
        there_and_back(rank, bytes);
    for (int i = 0; i < rounds; i++) {
        memset(in, 0, (size_t)bytes);
        seconds[i] = there_and_back(rank, bytes);
        if (rank == 0 && memcmp(in, out, (size_t)bytes) != 0) {
            fprintf(stderr, "latency: %d bytes came back changed\n", bytes);
            MPI_Abort(MPI_COMM_WORLD, 1);
        }
    }
    qsort(seconds, (size_t)rounds, sizeof(double), by_length);
    return seconds[rounds / 2] / 2 * 1e6;
}

int main(int argc, char** argv) {
    int rank, size;
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    if (size != 2) MPI_Abort(MPI_COMM_WORLD, 2);
    char line[256];
    for (;;) {
        int more = rank == 0 && fgets(line, sizeof(line), stdin) != NULL;
        MPI_Bcast(&more, 1, MPI_INT, 0, MPI_COMM_WORLD);
        if (!more) break;
        for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
            double const us = median_us(rank, sizes[i]);
            if (rank == 0) printf("%s\"%d\": %.1f", i ? ", " : "{", sizes[i], us);
        }
        if (rank == 0) {
            puts("}");
            fflush(stdout);
        }
    }
    MPI_Finalize();
    return 0;
}
