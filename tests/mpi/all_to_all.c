// SPDX-License-Identifier: Apache-2.0
// All to all: every rank has something else for every other one, in blocks of one number up to
// 128 KB.
#include "rounds.h"

enum { block = 32768 };

int main(int argc, char** argv) {
    char const* stop = begin(argc, argv, MPI_THREAD_SINGLE);
    size_t const bytes = sizeof(int32_t) * block * (size_t)size;
    int32_t *out = malloc(bytes), *in = malloc(bytes);
    int round = 0;
    while (another(stop, round)) {
        compute();
        int const count = 1 << (round % 16); // 1 … 32768
        for (int to = 0; to < size; to++)
            for (int i = 0; i < count; i++)
                out[to * count + i] = value_of(rank * size + to, round, i);
        MPI_Alltoall(out, count, MPI_INT32_T, in, count, MPI_INT32_T, MPI_COMM_WORLD);
        for (int from = 0; from < size; from++)
            for (int i = 0; i < count; i++)
                expect(in[from * count + i], value_of(from * size + rank, round, i), "a block", from, round);
        round++;
    }
    free(out);
    free(in);
    return finish(round);
}
