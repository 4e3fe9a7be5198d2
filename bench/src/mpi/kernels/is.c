// SPDX-License-Identifier: Apache-2.0
// IS: whole numbers are sorted over all ranks: counted in buckets, sent to whose bucket it is,
// counted there.
//
// Size: keys of each rank. An iteration sorts them once, with one of them another than before.
#include "kernel.h"

#include <string.h>

enum {
    key_bits = 20,
    bucket_bits = 10,
    buckets = 1 << bucket_bits,
    width = 1 << (key_bits - bucket_bits)
};

static int own, got, room; // keys: of ours, of what we have in the end, for which there is memory
static int first_bucket;   // of ours
static uint32_t *keys, *grouped, *received, *sorted, *counts;
static int *to, *to_at, *from, *from_at; // keys for each rank and from each

// Those in the middle are the most.
static uint32_t key(uint64_t at) {
    double const middle =
        (unit(4 * at) + unit(4 * at + 1) + unit(4 * at + 2) + unit(4 * at + 3)) / 4;
    return (uint32_t)(middle * (1 << key_bits));
}

static void prepare(int size) {
    own = size;
    room = size * 2; // they are divided evenly, but for the size of a bucket
    keys = memory((size_t)own, sizeof *keys);
    grouped = memory((size_t)own, sizeof *grouped);
    received = memory((size_t)room, sizeof *received);
    sorted = memory((size_t)room, sizeof *sorted);
    counts = memory((size_t)1 << key_bits, sizeof *counts);
    int** const numbers[] = {&to, &to_at, &from, &from_at};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        *numbers[i] = memory((size_t)ranks, sizeof(int));
}

static void fill(void) {
    for (int i = 0; i < own; i++)
        keys[i] = key((uint64_t)rank * (uint64_t)own + (uint64_t)i);
}

// Keys by buckets, and how many go to whom: each rank gets neighbouring buckets, with about as many
// keys as any other.
static int group(void) {
    int64_t mine[buckets] = {0}, all[buckets], before = 0;
    int at[buckets], owner = 0, place = 0, end = buckets;
    for (int i = 0; i < own; i++)
        mine[keys[i] / width]++;
    MPI_Allreduce(mine, all, buckets, MPI_INT64_T, MPI_SUM, MPI_COMM_WORLD);
    memset(to, 0, (size_t)ranks * sizeof *to);
    first_bucket = rank == 0 ? 0 : buckets;
    for (int b = 0; b < buckets; b++) {
        if (before >= (int64_t)own * (owner + 1) && owner < ranks - 1) {
            owner++;
            if (owner == rank) first_bucket = b;
            if (owner == rank + 1) end = b;
        }
        at[b] = place;
        place += (int)mine[b];
        to[owner] += (int)mine[b];
        before += all[b];
    }
    for (int i = 0; i < own; i++)
        grouped[at[keys[i] / width]++] = keys[i];
    return end - first_bucket;
}

static void exchange(void) {
    MPI_Alltoall(to, 1, MPI_INT, from, 1, MPI_INT, MPI_COMM_WORLD);
    for (int i = 1; i < ranks; i++) {
        to_at[i] = to_at[i - 1] + to[i - 1];
        from_at[i] = from_at[i - 1] + from[i - 1];
    }
    got = from_at[ranks - 1] + from[ranks - 1];
    if (got > room) MPI_Abort(MPI_COMM_WORLD, 1);
    MPI_Alltoallv(
        grouped, to, to_at, MPI_UINT32_T, received, from, from_at, MPI_UINT32_T, MPI_COMM_WORLD);
}

static void sort(int own_buckets) {
    uint32_t const lowest = (uint32_t)(first_bucket * width);
    size_t const range = (size_t)(own_buckets * width);
    memset(counts, 0, range * sizeof *counts);
    for (int i = 0; i < got; i++)
        counts[received[i] - lowest]++;
    uint32_t* next = sorted;
    for (size_t value = 0; value < range; value++)
        for (uint32_t i = 0; i < counts[value]; i++)
            *next++ = lowest + (uint32_t)value;
}

static void work(int iterations) {
    for (int i = 0; i < iterations; i++) {
        keys[i % own] = key(hash((uint64_t)i));
        int const own_buckets = group();
        exchange();
        sort(own_buckets);
    }
}

// The same whatever the order.
static uint64_t mark(uint32_t const* of, int count) {
    uint64_t sum = 0;
    for (int i = 0; i < count; i++)
        sum += hash(of[i]);
    return sum;
}

static char const* fault(void) {
    uint64_t here[4] = {mark(keys, own), mark(sorted, got), (uint64_t)own, (uint64_t)got}, all[4];
    MPI_Allreduce(here, all, 4, MPI_UINT64_T, MPI_SUM, MPI_COMM_WORLD);
    uint32_t largest = got ? sorted[got - 1] : 0, before = 0;
    MPI_Sendrecv(&largest, 1, MPI_UINT32_T, rank + 1 < ranks ? rank + 1 : MPI_PROC_NULL, 0, &before,
        1, MPI_UINT32_T, rank ? rank - 1 : MPI_PROC_NULL, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    if (all[2] != all[3]) return "there are more or fewer keys than before";
    if (all[0] != all[1]) return "these are not the keys that there were";
    if (got == 0) return "a rank has no keys";
    for (int i = 0; i < got; i++) {
        if (sorted[i] < before) return "the keys are not in order";
        before = sorted[i];
    }
    return NULL;
}

kernel const is = {"is", prepare, fill, work, fault, NULL};
