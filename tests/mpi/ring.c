// SPDX-License-Identifier: Apache-2.0
// Ring: a token goes round all ranks, each of which adds to it; small, then large enough that it
// needs a rendezvous, then as a vector with gaps.
#include "rounds.h"

enum { large = 200000, rows = 300, stride = 7 };

static int32_t out[large], in[large];

static void pass(int round, int count, MPI_Datatype type, int items) {
    int const next = (rank + 1) % size, before = (rank + size - 1) % size;
    for (int i = 0; i < items; i++)
        out[i] = value_of(rank, round, i);
    MPI_Request wait[2];
    MPI_Irecv(in, count, type, before, round, MPI_COMM_WORLD, &wait[0]);
    MPI_Isend(out, count, type, next, round, MPI_COMM_WORLD, &wait[1]);
    MPI_Waitall(2, wait, MPI_STATUSES_IGNORE);
}

static void token(int round) {
    int32_t sum = 0;
    int const next = (rank + 1) % size, before = (rank + size - 1) % size;
    if (!rank) {
        sum = round;
        MPI_Send(&sum, 1, MPI_INT32_T, next, 0, MPI_COMM_WORLD);
        MPI_Recv(&sum, 1, MPI_INT32_T, before, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        expect(sum, round + size * (size - 1) / 2, "the token", before, round);
    } else {
        MPI_Recv(&sum, 1, MPI_INT32_T, before, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        sum += rank;
        MPI_Send(&sum, 1, MPI_INT32_T, next, 0, MPI_COMM_WORLD);
    }
}

int main(int argc, char** argv) {
    char const* stop = begin(argc, argv, MPI_THREAD_SINGLE);
    int const before = (rank + size - 1) % size;
    MPI_Datatype column;
    MPI_Type_vector(rows, 1, stride, MPI_INT32_T, &column);
    MPI_Type_commit(&column);
    int round = 0;
    while (another(stop, round)) {
        compute();
        token(round);
        pass(round, large, MPI_INT32_T, large);
        for (int i = 0; i < large; i++)
            expect(in[i], value_of(before, round, i), "a long message", before, round);
        for (int i = 0; i < rows * stride; i++)
            in[i] = -1;
        pass(round, 1, column, rows * stride);
        for (int i = 0; i < rows * stride; i++)
            expect(in[i], i % stride ? -1 : value_of(before, round, i), "a vector", before, round);
        round++;
    }
    MPI_Type_free(&column);
    return finish(round);
}
