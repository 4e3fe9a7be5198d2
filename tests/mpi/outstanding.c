// SPDX-License-Identifier: Apache-2.0
// Outstanding: each rank has hundreds of messages under way to each other one, of 12 B to 100 KB,
// and takes them from anybody with any tag. What a rank sends with one tag must come in order.
#include "rounds.h"

#include <string.h>

enum { messages = 150, tags = 3, words_most = 25000, ranks_most = 16 };

static int words_of(int who, int number, int round) {
    uint32_t const draw = (uint32_t)value_of(who, round, number) * 2654435761u;
    return 3 + (int)(draw >> 16) % (draw & 7 ? 300 : words_most - 3);
}

static MPI_Request* send_all(int round, int32_t* bytes) {
    static MPI_Request requests[messages * ranks_most];
    int used = 0;
    for (int number = 0; number < messages; number++) {
        int const words = words_of(rank, number, round);
        bytes[0] = rank;
        bytes[1] = number;
        for (int i = 2; i < words; i++)
            bytes[i] = value_of(rank, round + number, i);
        for (int to = 0; to < size; to++)
            if (to != rank) MPI_Isend(bytes, words, MPI_INT32_T, to, number % tags, MPI_COMM_WORLD, &requests[used++]);
        bytes += words;
    }
    return requests;
}

static void take_one(int round, int32_t* in, int next[][tags]) {
    MPI_Status status;
    int words;
    MPI_Recv(in, words_most, MPI_INT32_T, MPI_ANY_SOURCE, MPI_ANY_TAG, MPI_COMM_WORLD, &status);
    MPI_Get_count(&status, MPI_INT32_T, &words);
    int const from = status.MPI_SOURCE, number = in[1];
    expect(in[0], from, "the sender in a message", from, round);
    expect(number % tags, status.MPI_TAG, "the tag of a message", from, round);
    expect(number, next[from][status.MPI_TAG], "the next message", from, round);
    next[from][status.MPI_TAG] += tags;
    expect(words, words_of(from, number, round), "the length of a message", from, round);
    for (int i = 2; i < words; i++)
        expect(in[i], value_of(from, round + number, i), "a message", from, round);
}

int main(int argc, char** argv) {
    char const* stop = begin(argc, argv, MPI_THREAD_SINGLE);
    if (size > ranks_most) wrong("at most %d ranks", ranks_most);
    int32_t* out = malloc(sizeof(int32_t) * words_most * messages);
    static int32_t in[words_most];
    int round = 0;
    while (another(stop, round)) {
        int next[ranks_most][tags];
        for (int from = 0; from < size; from++)
            for (int tag = 0; tag < tags; tag++)
                next[from][tag] = tag;
        MPI_Request* requests = send_all(round, out);
        for (int i = 0; i < messages * (size - 1); i++)
            take_one(round, in, next);
        MPI_Waitall(messages * (size - 1), requests, MPI_STATUSES_IGNORE);
        MPI_Barrier(MPI_COMM_WORLD); // what comes now is of the next round
        round++;
    }
    free(out);
    return finish(round);
}
