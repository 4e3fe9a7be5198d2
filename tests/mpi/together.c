// SPDX-License-Identifier: Apache-2.0
// Together: in each round another rank goes to a node, and has the others with it: odd ones follow
// it, even ones are invited. By rove.h, beside MPI's own messages, which go on meanwhile.
#include "rounds.h"

#include <rove.h>

enum { most = 16, length = 30000 };

static int32_t out[length], in[length];

static void insist(int met, char const* wish, int round) {
    if (met != 0) {
        perror(wish);
        wrong("%s in round %d", wish, round);
    }
}

int main(int argc, char** argv) {
    static char const* const nodes[] = {"n2", "n3", "home"};
    char const* stop = begin(argc, argv, MPI_THREAD_SINGLE);
    if (size > most) wrong("more than %d ranks", most);
    rove_mailbox* box = rove_open(0);
    if (!box) wrong("no mailbox");
    rove_address all[most], own;
    rove_own_address(box, &own);
    MPI_Allgather(&own, sizeof own, MPI_BYTE, all, sizeof own, MPI_BYTE, MPI_COMM_WORLD);
    int const next = (rank + 1) % size, before = (rank + size - 1) % size;
    int round = 0;
    while (another(stop, round)) {
        int const leader = round % size;
        for (int i = 0; i < length; i++)
            out[i] = value_of(rank, round, i);
        MPI_Request wait[2];
        MPI_Irecv(in, length, MPI_INT32_T, before, round, MPI_COMM_WORLD, &wait[0]);
        MPI_Isend(out, length, MPI_INT32_T, next, round, MPI_COMM_WORLD, &wait[1]);
        if (rank == leader) insist(rove_move_to_node(box, nodes[round % 3], -1), "going", round);
        if (rank != leader && rank % 2)
            insist(rove_move_to(box, &all[leader], -1), "following", round);
        for (int i = 0; rank == leader && i < size; i += 2)
            insist(rove_invite(box, &all[i], -1), "inviting", round);
        MPI_Waitall(2, wait, MPI_STATUSES_IGNORE);
        for (int i = 0; i < length; i++)
            expect(in[i], value_of(before, round, i), "a message", before, round);
        MPI_Barrier(MPI_COMM_WORLD);
        round++;
    }
    rove_close(box);
    return finish(round);
}
