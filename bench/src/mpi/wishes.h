// SPDX-License-Identifier: Apache-2.0
// Wishes: what rank 0 has been asked for goes to the others, who leave the CPU meanwhile to the
// other jobs, which are measured in turn: Open MPI waits by looking again and again.
#pragma once
#include <mpi.h>
#include <unistd.h>

enum { wish = 3 }; // tag

static inline void tell(int const* wanted, int count, int ranks) {
    for (int to = 1; to < ranks; to++)
        MPI_Send(wanted, count, MPI_INT, to, wish, MPI_COMM_WORLD);
}

static inline void hear(int* wanted, int count, unsigned pause_us) {
    for (int is_there = 0; !is_there; usleep(pause_us))
        MPI_Iprobe(0, wish, MPI_COMM_WORLD, &is_there, MPI_STATUS_IGNORE);
    MPI_Recv(wanted, count, MPI_INT, 0, wish, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
}
