// SPDX-License-Identifier: Apache-2.0
// Allreduce: sums over all ranks, whose outcome is known, of one number and of many; with a
// gather and a scan between them.
#include "rounds.h"

enum { many = 50000 };

static double mine[many], sum[many];

int main(int argc, char** argv) {
    char const* stop = begin(argc, argv, MPI_THREAD_SINGLE);
    int round = 0;
    int* all = malloc(sizeof(int) * (size_t)size);
    while (another(stop, round)) {
        compute();
        int const count = round % 2 ? many : 1;
        for (int i = 0; i < count; i++)
            mine[i] = (double)(rank + 1) * (i + round);
        MPI_Allreduce(mine, sum, count, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
        // Whole numbers far below 2^53: the sum is exact in any order.
        for (int i = 0; i < count; i++)
            if (sum[i] != size * (size + 1) / 2.0 * (i + round))
                wrong("sum %d of round %d is %.17g", i, round, sum[i]);
        int const number = value_of(rank, round, 0);
        MPI_Allgather(&number, 1, MPI_INT, all, 1, MPI_INT, MPI_COMM_WORLD);
        for (int from = 0; from < size; from++)
            expect(all[from], value_of(from, round, 0), "the number", from, round);
        int up_to = 0;
        MPI_Scan(&rank, &up_to, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
        expect(up_to, rank * (rank + 1) / 2, "the scan", rank, round);
        round++;
    }
    free(all);
    return finish(round);
}
