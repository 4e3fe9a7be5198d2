// SPDX-License-Identifier: Apache-2.0
// Threads: three threads of each rank send and receive at once (MPI_THREAD_MULTIPLE), each on a
// communicator of its own, sizes from eager to rendezvous.
#include "rounds.h"

#include <pthread.h>

enum { threads = 3, longest = 30000 };

struct Talk {
    pthread_t thread;
    MPI_Comm world;
    int number, round;
    int32_t out[longest], in[longest];
};

static void* exchange(void* given) {
    struct Talk* talk = given;
    int const next = (rank + 1) % size, before = (rank + size - 1) % size;
    for (int count = 1; count <= longest; count *= 31) {
        int const salt = talk->round * threads + talk->number;
        for (int i = 0; i < count; i++)
            talk->out[i] = value_of(rank, salt, i);
        MPI_Sendrecv(talk->out, count, MPI_INT32_T, next, talk->number, talk->in, count, MPI_INT32_T,
            before, talk->number, talk->world, MPI_STATUS_IGNORE);
        for (int i = 0; i < count; i++)
            expect(talk->in[i], value_of(before, salt, i), "a thread's message", before, talk->round);
    }
    return NULL;
}

int main(int argc, char** argv) {
    char const* stop = begin(argc, argv, MPI_THREAD_MULTIPLE);
    static struct Talk talks[threads];
    for (int i = 0; i < threads; i++) {
        talks[i].number = i;
        MPI_Comm_dup(MPI_COMM_WORLD, &talks[i].world);
    }
    int round = 0;
    while (another(stop, round)) {
        compute();
        for (int i = 0; i < threads; i++) {
            talks[i].round = round;
            if (pthread_create(&talks[i].thread, NULL, exchange, &talks[i])) wrong("no thread");
        }
        for (int i = 0; i < threads; i++)
            pthread_join(talks[i].thread, NULL);
        round++;
    }
    for (int i = 0; i < threads; i++)
        MPI_Comm_free(&talks[i].world);
    return finish(round);
}
