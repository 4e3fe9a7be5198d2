// SPDX-License-Identifier: Apache-2.0
// EP: pairs of Gaussian deviates from pairs of uniform ones, counted by the square ring in which
// they lie. Ranks talk once, at the end.
//
// Size: blocks of pairs per iteration, which the ranks take in turn.
#include "kernel.h"

#include <math.h>
#include <string.h>

enum { pairs = 1 << 16, rings = 8 };

typedef struct tally {
    uint64_t taken, mark, in_ring[rings];
    double x, y; // sums
} tally;

static int blocks;
static uint64_t done, last_block;
static tally mine, last, all;

static tally count(uint64_t block) {
    tally t = {0};
    for (uint64_t at = block * pairs; at < (block + 1) * pairs; at++) {
        uint64_t const bits = hash(at);
        double const u = (double)(bits >> 32) * 0x1p-31 - 1,
                     v = (double)(bits & 0xffffffff) * 0x1p-31 - 1, r = u * u + v * v;
        if (r >= 1 || r == 0) continue;
        double const scale = sqrt(-2 * log(r) / r), x = u * scale, y = v * scale,
                     ring = fmax(fabs(x), fabs(y));
        t.taken++;
        t.mark += bits;
        t.in_ring[ring < rings ? (int)ring : rings - 1]++;
        t.x += x;
        t.y += y;
    }
    return t;
}

static void add(tally* to, tally const* other) {
    to->taken += other->taken;
    to->mark += other->mark;
    for (int i = 0; i < rings; i++)
        to->in_ring[i] += other->in_ring[i];
    to->x += other->x;
    to->y += other->y;
}

static void prepare(int size) {
    blocks = size;
}

static void fill(void) {
    mine = (tally){0};
    last = count(last_block = (uint64_t)rank);
}

static void work(int iterations) {
    done = (uint64_t)blocks * (uint64_t)iterations;
    for (uint64_t block = (uint64_t)rank; block < done; block += (uint64_t)ranks) {
        last = count(last_block = block);
        add(&mine, &last);
    }
    MPI_Allreduce(&mine, &all, 2 + rings, MPI_UINT64_T, MPI_SUM, MPI_COMM_WORLD);
    MPI_Allreduce(&mine.x, &all.x, 2, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
}

// Whether so many of so many are what chance makes of that probability.
static int is_likely(uint64_t found, uint64_t of, double probability) {
    double const wanted = (double)of * probability;
    return fabs((double)found - wanted) < 6 * sqrt(wanted * (1 - probability)) + 1;
}

// Both coordinates are below that.
static double within(double ring) {
    double const one = erf(ring / sqrt(2));
    return one * one;
}

// What the rank before us says of its last block is counted again.
static int agrees_with_neighbour(void) {
    struct {
        uint64_t block;
        tally counted;
    } own = {last_block, last}, theirs;
    memset(&theirs, 0, sizeof theirs);
    MPI_Sendrecv(&own, sizeof own, MPI_BYTE, (rank + 1) % ranks, 0, &theirs, sizeof theirs,
        MPI_BYTE, (rank + ranks - 1) % ranks, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    tally const again = count(theirs.block);
    return memcmp(&again, &theirs.counted, sizeof again) == 0;
}

static char const* fault(void) {
    if (!agrees_with_neighbour()) return "a block counted again is another one";
    uint64_t in_rings = 0;
    for (int i = 0; i < rings; i++) {
        in_rings += all.in_ring[i];
        if (!is_likely(all.in_ring[i], all.taken, within(i + 1) - within(i)))
            return "a ring has too few or too many pairs";
    }
    if (in_rings != all.taken) return "not all pairs are in a ring";
    if (!is_likely(all.taken, done * pairs, atan(1)))
        return "the accepted part is not a quarter of pi";
    double const far = 6 * sqrt((double)all.taken);
    if (fabs(all.x) > far || fabs(all.y) > far) return "the deviates do not have the mean 0";
    // That of all pairs at once, by the first rank alone, where that is quickly done.
    if (done <= 64 && rank == 0) {
        tally serial = {0};
        for (uint64_t block = 0; block < done; block++) {
            tally const next = count(block);
            add(&serial, &next);
        }
        if (memcmp(&serial, &all, offsetof(tally, x)) != 0)
            return "the same counted by one rank is something else";
    }
    return NULL;
}

kernel const ep = {"ep", prepare, fill, work, fault, NULL};
