// SPDX-License-Identifier: Apache-2.0
// FT: Fourier transforms of a cube, forwards and back, with all values turned in between. Ranks
// have slabs of planes, and all of it changes places for the third direction.
//
// Size: points of a side, a power of two, at least that of the ranks. What odd iterations turn,
// even ones turn back.
#include "kernel.h"

#include <complex.h>
#include <math.h>
#include <string.h>

typedef double complex point;

static int side, own, done; // own: planes of ours
static size_t points;       // of ours
static point *values, *spectrum, *sent, *turns, *line;

static void prepare(int size) {
    side = size;
    own = side / ranks;
    points = (size_t)own * (size_t)side * (size_t)side;
    values = memory(points, sizeof *values);
    spectrum = memory(points, sizeof *spectrum);
    sent = memory(points, sizeof *sent);
    line = memory((size_t)side, sizeof *line);
    turns = memory((size_t)side, sizeof *turns);
    for (int i = 0; i < side; i++)
        turns[i] = cexp(-2 * M_PI * I * i / side);
}

static point input(size_t at) {
    uint64_t const index = (uint64_t)rank * points + at;
    return unit(2 * index) - 0.5 + (unit(2 * index + 1) - 0.5) * I;
}

static void fill(void) {
    done = 0;
    for (size_t i = 0; i < points; i++)
        values[i] = input(i);
}

static void reverse_bits(point* of) {
    for (int i = 1, j = 0; i < side; i++) {
        int bit = side / 2;
        for (; j & bit; bit /= 2)
            j ^= bit;
        j ^= bit;
        if (i < j) {
            point const other = of[i];
            of[i] = of[j];
            of[j] = other;
        }
    }
}

// In place; `back` is not scaled.
static void transform(point* of, int back) {
    reverse_bits(of);
    for (int half = 1; half < side; half *= 2)
        for (int from = 0; from < side; from += 2 * half)
            for (int i = 0; i < half; i++) {
                point const turn = turns[i * (side / 2 / half)], w = back ? conj(turn) : turn;
                point const a = of[from + i], b = of[from + i + half];
                // Written out: the compiler's product looks for infinities.
                point const c = creal(b) * creal(w) - cimag(b) * cimag(w) +
                                (creal(b) * cimag(w) + cimag(b) * creal(w)) * I;
                of[from + i] = a + c;
                of[from + i + half] = a - c;
            }
}

// The line that begins there, whose points lie `stride` from each other.
static void transform_line(point* from, size_t stride, int back) {
    for (int i = 0; i < side; i++)
        line[i] = from[(size_t)i * stride];
    transform(line, back);
    for (int i = 0; i < side; i++)
        from[(size_t)i * stride] = line[i];
}

// The two directions in which a slab is whole.
static void transform_planes(point* of, int back) {
    for (int z = 0; z < own; z++) {
        point* const plane = of + (size_t)z * (size_t)side * (size_t)side;
        for (int y = 0; y < side; y++)
            transform(plane + (size_t)y * (size_t)side, back);
        for (int x = 0; x < side; x++)
            transform_line(plane + x, (size_t)side, back);
    }
}

// Our rows of each plane, for the rank that has those y. Where they stand when they go: by rank,
// plane, row.
static size_t row_for(int z, int y) {
    return (((size_t)(y / own) * (size_t)own + (size_t)z) * (size_t)own + (size_t)(y % own)) *
           (size_t)side;
}

static size_t row_of(int z, int y) {
    return ((size_t)z * (size_t)side + (size_t)y) * (size_t)side;
}

static void change_places(point const* from, point* to) {
    int const doubles = 2 * (int)(points / (size_t)ranks);
    MPI_Alltoall(from, doubles, MPI_DOUBLE, to, doubles, MPI_DOUBLE, MPI_COMM_WORLD);
}

static void transform_columns(int back) {
    for (size_t i = 0; i < (size_t)own * (size_t)side; i++)
        transform_line(spectrum + i, (size_t)own * (size_t)side, back);
}

static void forwards(void) {
    transform_planes(values, 0);
    for (int z = 0; z < own; z++)
        for (int y = 0; y < side; y++)
            memcpy(sent + row_for(z, y), values + row_of(z, y), (size_t)side * sizeof *sent);
    change_places(sent, spectrum);
    transform_columns(0);
}

static void back(void) {
    transform_columns(1);
    change_places(spectrum, sent);
    for (int z = 0; z < own; z++)
        for (int y = 0; y < side; y++)
            memcpy(values + row_of(z, y), sent + row_for(z, y), (size_t)side * sizeof *sent);
    transform_planes(values, 1);
    double const scale = 1.0 / side / side / side;
    for (size_t i = 0; i < points; i++)
        values[i] *= scale;
}

// Each value keeps its size.
static void turn(int forth) {
    for (size_t i = 0; i < points; i++) {
        point const by = turns[(i + (size_t)rank) % (size_t)side];
        spectrum[i] *= forth ? by : conj(by);
    }
}

static void work(int iterations) {
    for (int i = 0; i < iterations; i++, done++) {
        forwards();
        turn(done % 2 == 0);
        back();
    }
}

static double energy(point const* of) {
    double sum = 0;
    for (size_t i = 0; i < points; i++)
        sum += creal(of[i]) * creal(of[i]) + cimag(of[i]) * cimag(of[i]);
    return sum_of_all(sum);
}

// One value of the spectrum of the input, by the sum that defines it: the one at z, y and x.
static point by_definition(int z, int y, int x) {
    double sum[2] = {0, 0}, all[2];
    for (size_t i = 0; i < points; i++) {
        int const at_x = (int)(i % (size_t)side), at_y = (int)(i / (size_t)side) % side,
                  at_z = (int)(i / (size_t)side / (size_t)side) + rank * own;
        point const part = input(i) * turns[(at_x * x + at_y * y + at_z * z) % side];
        sum[0] += creal(part);
        sum[1] += cimag(part);
    }
    MPI_Allreduce(sum, all, 2, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
    return all[0] + all[1] * I;
}

static char const* fault(void) {
    double const before = energy(values);
    if (done % 2) work(1);
    char const* wrong = NULL;
    for (size_t i = 0; i < points; i++)
        if (!(cabs(values[i] - input(i)) < 1e-9))
            wrong = "what was transformed back is not the input";
    forwards();
    double const number = (double)side * side * side, after = energy(spectrum) / number;
    if (!(fabs(after - before) < 1e-9 * before))
        wrong = "the spectrum has another energy than the values";
    for (int try = 1; try <= 3; try++) {
        int const z = try * 5 % side, y = try * 3 % side, x = try * 7 % side;
        point const defined = by_definition(z, y, x);
        if (y / own == rank &&
            !(cabs(spectrum[((size_t)z * (size_t)own + (size_t)(y % own)) * (size_t)side +
                            (size_t)x] -
                   defined) < 1e-7))
            wrong = "a value of the spectrum is not what defines it";
    }
    return wrong;
}

kernel const ft = {"ft", prepare, fill, work, fault, NULL};
