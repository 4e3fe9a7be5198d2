// SPDX-License-Identifier: Apache-2.0
// One-sided: puts, gets and sums in windows over the ranks' own memory, over memory that the
// library allocates, and over memory that all ranks of a node share.
#include "rounds.h"

enum { items = 3000 };

static int32_t mine[items], got[items];

// Everybody writes to the next one, reads it back, and adds one to the last item of rank 0.
static void use(MPI_Win window, int32_t* base, int round) {
    int const next = (rank + 1) % size, before = (rank + size - 1) % size;
    for (int i = 0; i < items; i++)
        mine[i] = value_of(rank, round, i);
    base[items] = 0;
    MPI_Win_fence(0, window);
    MPI_Put(mine, items, MPI_INT32_T, next, 0, items, MPI_INT32_T, window);
    int32_t const one = 1;
    MPI_Accumulate(&one, 1, MPI_INT32_T, 0, items, 1, MPI_INT32_T, MPI_SUM, window);
    MPI_Win_fence(0, window);
    MPI_Get(got, items, MPI_INT32_T, next, 0, items, MPI_INT32_T, window);
    MPI_Win_fence(0, window);
    for (int i = 0; i < items; i++) {
        expect(base[i], value_of(before, round, i), "what was put", before, round);
        expect(got[i], value_of(rank, round, i), "what was got", next, round);
    }
    if (!rank) expect(base[items], size, "the sum", 0, round);
}

int main(int argc, char** argv) {
    char const* stop = begin(argc, argv, MPI_THREAD_SINGLE);
    static int32_t own[items + 1];
    MPI_Aint const bytes = sizeof(own);
    MPI_Comm node;
    MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &node);
    int round = 0;
    while (another(stop, round)) {
        compute();
        MPI_Win window;
        int32_t* base = own;
        switch (round % 3) {
        case 0:
            MPI_Win_create(own, bytes, sizeof(int32_t), MPI_INFO_NULL, MPI_COMM_WORLD, &window);
            break;
        case 1:
            MPI_Win_allocate(bytes, sizeof(int32_t), MPI_INFO_NULL, MPI_COMM_WORLD, &base, &window);
            break;
        default:
            MPI_Win_allocate_shared(bytes, sizeof(int32_t), MPI_INFO_NULL, node, &base, &window);
        }
        use(window, base, round);
        MPI_Win_free(&window);
        round++;
    }
    MPI_Comm_free(&node);
    return finish(round);
}
