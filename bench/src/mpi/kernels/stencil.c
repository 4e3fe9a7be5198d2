// SPDX-License-Identifier: Apache-2.0
// Stencil: heat on a square that is closed to a torus, in steps, each from the four neighbours.
// Ranks have rectangles of it.
//
// Size: points of a side. An iteration is a step. It begins with a wave, which keeps its shape: its
// height is known for each step.
#include "kernel.h"

#include <math.h>

enum { waves_x = 3, waves_y = 5, left = 0, right, up, down };

static int side, wide, high, pitch; // of all; of ours; of a row of ours in memory
static int first_x, first_y;        // our first point
static int neighbour[4], done;
static double *now, *next;
static MPI_Datatype column;
static MPI_Comm torus;

static double* at(double* grid, int y, int x) {
    return grid + (ptrdiff_t)(y + 1) * pitch + x + 1;
}

static void prepare(int size) {
    int sides[2] = {0, 0}, closed[2] = {1, 1}, place[2];
    MPI_Dims_create(ranks, 2, sides);
    MPI_Cart_create(MPI_COMM_WORLD, 2, sides, closed, 0, &torus);
    MPI_Cart_coords(torus, rank, 2, place);
    MPI_Cart_shift(torus, 0, 1, &neighbour[up], &neighbour[down]);
    MPI_Cart_shift(torus, 1, 1, &neighbour[left], &neighbour[right]);
    side = size;
    high = side / sides[0];
    wide = side / sides[1];
    first_y = place[0] * high;
    first_x = place[1] * wide;
    pitch = wide + 2;
    now = memory((size_t)(high + 2) * (size_t)pitch, sizeof *now);
    next = memory((size_t)(high + 2) * (size_t)pitch, sizeof *next);
    MPI_Type_vector(high, 1, pitch, MPI_DOUBLE, &column);
    MPI_Type_commit(&column);
}

static double angle(int waves, int point) {
    return 2 * M_PI * waves * point / side;
}

static double wave(int y, int x) {
    return sin(angle(waves_x, first_x + x)) * cos(angle(waves_y, first_y + y));
}

static void fill(void) {
    done = 0;
    for (int y = 0; y < high; y++)
        for (int x = 0; x < wide; x++)
            *at(now, y, x) = 1 + wave(y, x);
}

// Our border goes to each side, and theirs comes.
static void exchange(void) {
    MPI_Request waits[8];
    double* const theirs[4] = {at(now, 0, -1), at(now, 0, wide), at(now, -1, 0), at(now, high, 0)};
    double* const ours[4] = {
        at(now, 0, 0), at(now, 0, wide - 1), at(now, 0, 0), at(now, high - 1, 0)};
    for (int to = 0; to < 4; to++) {
        int const opposite = to ^ 1;
        MPI_Datatype const type = to < up ? column : MPI_DOUBLE;
        int const count = to < up ? 1 : wide;
        MPI_Irecv(theirs[to], count, type, neighbour[to], opposite, torus, &waits[to]);
        MPI_Isend(ours[to], count, type, neighbour[to], to, torus, &waits[4 + to]);
    }
    MPI_Waitall(8, waits, MPI_STATUSES_IGNORE);
}

static void work(int iterations) {
    for (int i = 0; i < iterations; i++) {
        exchange();
        for (int y = 0; y < high; y++) {
            double const *row = at(now, y, 0), *above = at(now, y - 1, 0),
                         *below = at(now, y + 1, 0);
            double* result = at(next, y, 0);
            for (int x = 0; x < wide; x++)
                result[x] = 0.5 * row[x] + 0.125 * (row[x - 1] + row[x + 1] + above[x] + below[x]);
        }
        double* const before = now;
        now = next;
        next = before;
        done++;
    }
}

static char const* fault(void) {
    double const step = 0.5 + 0.25 * (cos(angle(waves_x, 1)) + cos(angle(waves_y, 1)));
    double const height = pow(step, done);
    double sum = 0, off = 0;
    for (int y = 0; y < high; y++)
        for (int x = 0; x < wide; x++) {
            double const value = *at(now, y, x);
            sum += value;
            off = fmax(off, fabs(value - 1 - height * wave(y, x)));
        }
    double const points = (double)side * side;
    if (!(fabs(sum_of_all(sum) - points) < 1e-9 * points)) return "heat was lost or won";
    if (!(off < 1e-9)) return "the wave does not have its height";
    return NULL;
}

kernel const stencil = {"stencil", prepare, fill, work, fault, NULL};
