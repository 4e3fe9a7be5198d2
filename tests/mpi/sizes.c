// SPDX-License-Identifier: Apache-2.0
// Sizes: messages of 0 B to 16 MB between neighbours, in both directions at once, as bytes and as
// columns of a matrix; sizes next to the limits at which Open MPI goes from one protocol to another.
#include "rounds.h"

#include <string.h>

enum { most = 16 << 20, long_ones_each = 8, columns = 61, rows = 5000 };

static size_t const sizes[] = {0, 1, 7, 1000, 1024, 1025, 4095, 4097, 65000, 65535, 65536, 65537, 131072,
    262100, 262144, 262145, 1 << 20, (1 << 20) + 1, 5000011, most};

static unsigned char out[most], in[most];
static double matrix[rows][columns], copy[rows][columns];

static unsigned char byte_of(int who, int round, size_t at) {
    return (unsigned char)(value_of(who, round, (int)(at >> 8)) + (int)(at & 255) * 7);
}

static void exchange(int round, size_t length) {
    int const next = (rank + 1) % size, before = (rank + size - 1) % size;
    for (size_t i = 0; i < length; i++)
        out[i] = byte_of(rank, round, i);
    memset(in, 0, length + (length < most));
    MPI_Status status;
    int count;
    MPI_Sendrecv(out, (int)length, MPI_BYTE, next, round, in, most, MPI_BYTE, before, round, MPI_COMM_WORLD, &status);
    MPI_Get_count(&status, MPI_BYTE, &count);
    expect(count, (int)length, "the length of a message", before, round);
    for (size_t i = 0; i < length; i++)
        if (in[i] != byte_of(before, round, i))
            wrong("byte %zu of %zu from rank %d in round %d is %d", i, length, before, round, in[i]);
    if (length < most) expect(in[length], 0, "the byte behind a message", before, round);
}

// A column goes there and comes into another one.
static void exchange_columns(int round, MPI_Datatype column) {
    int const next = (rank + 1) % size, before = (rank + size - 1) % size;
    int const from = round % columns, to = (round * 7 + 3) % columns;
    for (int i = 0; i < rows; i++) {
        matrix[i][from] = value_of(rank, round, i);
        copy[i][to] = copy[i][(to + 1) % columns] = -1;
    }
    MPI_Sendrecv(&matrix[0][from], 1, column, next, 0, &copy[0][to], 1, column, before, 0, MPI_COMM_WORLD,
        MPI_STATUS_IGNORE);
    for (int i = 0; i < rows; i++) {
        expect((int32_t)copy[i][to], value_of(before, round, i), "a column", before, round);
        expect((int32_t)copy[i][(to + 1) % columns], -1, "what is beside a column", before, round);
    }
}

int main(int argc, char** argv) {
    char const* stop = begin(argc, argv, MPI_THREAD_SINGLE);
    MPI_Datatype column;
    MPI_Type_vector(rows, 1, columns, MPI_DOUBLE, &column);
    MPI_Type_commit(&column);
    int round = 0;
    while (another(stop, round)) {
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
            if (sizes[i] < 2 << 20 || round % long_ones_each == 0) exchange(round, sizes[i]);
        exchange_columns(round, column);
        round++;
    }
    MPI_Type_free(&column);
    return finish(round);
}
