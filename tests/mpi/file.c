// SPDX-License-Identifier: Apache-2.0
// File: all ranks write and read one file, each its own part and then through the pointer that
// they share. The file is the name of the one that stops it, with ".data" behind.
#include "rounds.h"

#include <string.h>

enum { items = 5000 };

static int32_t mine[items], got[items];

int main(int argc, char** argv) {
    char const* stop = begin(argc, argv, MPI_THREAD_SINGLE);
    char name[4096];
    snprintf(name, sizeof(name), "%s.data", stop);
    char* seen = malloc((size_t)size);
    int round = 0;
    while (another(stop, round)) {
        compute();
        MPI_File file;
        if (MPI_File_open(MPI_COMM_WORLD, name, MPI_MODE_RDWR | MPI_MODE_CREATE, MPI_INFO_NULL, &file))
            wrong("cannot open %s", name);
        for (int i = 0; i < items; i++)
            mine[i] = value_of(rank, round, i);
        MPI_Offset const part = sizeof(mine);
        MPI_File_write_at_all(file, rank * part, mine, items, MPI_INT32_T, MPI_STATUS_IGNORE);
        MPI_File_sync(file);
        MPI_Barrier(MPI_COMM_WORLD);
        int const next = (rank + 1) % size;
        MPI_File_read_at_all(file, next * part, got, items, MPI_INT32_T, MPI_STATUS_IGNORE);
        for (int i = 0; i < items; i++)
            expect(got[i], value_of(next, round, i), "a number in the file", next, round);
        // Behind the parts, one character each in any order.
        MPI_File_seek_shared(file, size * part, MPI_SEEK_SET);
        char const letter = (char)('a' + rank);
        MPI_File_write_shared(file, &letter, 1, MPI_CHAR, MPI_STATUS_IGNORE);
        MPI_File_sync(file);
        MPI_Barrier(MPI_COMM_WORLD);
        MPI_File_read_at(file, size * part, seen, size, MPI_CHAR, MPI_STATUS_IGNORE);
        for (int who = 0; who < size; who++)
            if (!memchr(seen, 'a' + who, (size_t)size)) wrong("the letter of rank %d is missing", who);
        MPI_File_close(&file);
        round++;
    }
    free(seen);
    return finish(round);
}
