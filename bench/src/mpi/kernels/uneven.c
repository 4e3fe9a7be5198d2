// SPDX-License-Identifier: Apache-2.0
// Uneven: ranks that compute, those of the first half five times as much as the others, and now and
// then tell the next one how far they are.
//
// Size: slices of a short rank in an iteration. Who has done its work sleeps until all have, and
// looks now and then. It does not wait in MPI: there a rank of Open MPI spins, which takes as much
// of its node as computing does, so no way of moving ranks would help the others.
#include "kernel.h"

#include <unistd.h>

#include "../../used.h"

enum { slice = 1 << 19, ratio = 5, tell_each = 64, how_far = 1, look_us = 20000 };
// x → factor * x + 1, modulo 2^64. Where it is after any number of steps is known without them.
static uint64_t const factor = 6364136223846793005;

static int slices;
static uint64_t planned, x;
static used cpu;

static void prepare(int size) {
    slices = size;
}

static void fill(void) {
    x = (uint64_t)rank;
}

static void hear_how_far(void) {
    for (;;) {
        int is_there;
        uint64_t heard;
        MPI_Iprobe(MPI_ANY_SOURCE, how_far, MPI_COMM_WORLD, &is_there, MPI_STATUS_IGNORE);
        if (!is_there) return;
        MPI_Recv(
            &heard, 1, MPI_UINT64_T, MPI_ANY_SOURCE, how_far, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    }
}

static void wait_for_all(void) {
    MPI_Request all;
    int are_done = 0;
    for (MPI_Ibarrier(MPI_COMM_WORLD, &all); !are_done; usleep(look_us)) {
        hear_how_far();
        MPI_Test(&all, &are_done, MPI_STATUS_IGNORE);
    }
    hear_how_far();
}

static void work(int iterations) {
    planned = (uint64_t)slices * (uint64_t)iterations * (rank < ranks / 2 ? ratio : 1);
    cpu = begin_used();
    for (uint64_t at = 1; at <= planned; at++) {
        for (int i = 0; i < slice; i++)
            x = factor * x + 1;
        count_slice(&cpu);
        if (at % tell_each == 0) {
            MPI_Send(&at, 1, MPI_UINT64_T, (rank + 1) % ranks, how_far, MPI_COMM_WORLD);
            hear_how_far();
        }
    }
    wait_for_all();
}

static char const* fault(void) {
    // As many steps at once as the bits of their number say: x → by * x + more.
    uint64_t by = factor, more = 1, wanted = (uint64_t)rank;
    for (uint64_t steps = planned * slice; steps; steps >>= 1) {
        if (steps & 1) wanted = by * wanted + more;
        more = by * more + more;
        by *= by;
    }
    return x == wanted ? NULL : "a rank has not done all of its steps";
}

static double seconds(void) {
    return used_seconds(&cpu, planned);
}

kernel const uneven = {"uneven", prepare, fill, work, fault, seconds};
