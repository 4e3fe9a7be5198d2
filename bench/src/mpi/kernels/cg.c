// SPDX-License-Identifier: Apache-2.0
// CG: conjugate gradients with a sparse matrix whose entries lie far apart. For each product all
// ranks need all of the vector.
//
// Size: rows. An iteration is a solution from zero. The right side is made from a known solution.
#include "kernel.h"

#include <math.h>
#include <string.h>

enum { distances = 12, others = 2 * distances, steps = 25 };

static int rows, own, first; // all, ours, the first of ours
static int* columns;         // of the entries beside the diagonal, `others` in each row
static double *values, *diagonal, *wanted, *right, *x, *r, *p, *q, *whole;

// The same from both ends, so the matrix is symmetric.
static double entry(int i, int j) {
    uint64_t const low = (uint64_t)(i < j ? i : j), high = (uint64_t)(i < j ? j : i);
    return -unit(low << 32 | high);
}

static void multiply(double const* vector, double* product) {
    MPI_Allgather(vector, own, MPI_DOUBLE, whole, own, MPI_DOUBLE, MPI_COMM_WORLD);
    for (int i = 0; i < own; i++) {
        double sum = diagonal[i] * vector[i];
        for (int k = i * others; k < (i + 1) * others; k++)
            sum += values[k] * whole[columns[k]];
        product[i] = sum;
    }
}

static double product(double const* one, double const* other) {
    double sum = 0;
    for (int i = 0; i < own; i++)
        sum += one[i] * other[i];
    return sum_of_all(sum);
}

static void prepare(int size) {
    own = size / ranks;
    rows = own * ranks;
    first = own * rank;
    double** const vectors[] = {&diagonal, &wanted, &right, &x, &r, &p, &q};
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++)
        *vectors[i] = memory((size_t)own, sizeof(double));
    whole = memory((size_t)rows, sizeof(double));
    columns = memory((size_t)own * others, sizeof *columns);
    values = memory((size_t)own * others, sizeof *values);
    for (int i = 0; i < own; i++) {
        for (int k = 0; k < others; k++) {
            int const distance = 1 + (int)(hash((uint64_t)(k / 2)) % (uint64_t)(rows / 2 - 1)),
                      row = first + i;
            int const column = (row + (k % 2 ? distance : rows - distance)) % rows;
            columns[i * others + k] = column;
            values[i * others + k] = entry(row, column);
            diagonal[i] -=
                2 *
                entry(row, column); // so the largest eigenvalue is three times the smallest at most
        }
        wanted[i] = unit((uint64_t)(first + i));
    }
    multiply(wanted, right);
}

static void fill(void) {
    memset(x, 0, (size_t)own * sizeof *x);
}

static void solve(void) {
    memset(x, 0, (size_t)own * sizeof *x);
    memcpy(r, right, (size_t)own * sizeof *r);
    memcpy(p, right, (size_t)own * sizeof *p);
    double before = product(r, r);
    for (int step = 0; step < steps; step++) {
        multiply(p, q);
        double const alpha = before / product(p, q);
        for (int i = 0; i < own; i++) {
            x[i] += alpha * p[i];
            r[i] -= alpha * q[i];
        }
        double const now = product(r, r), beta = now / before;
        for (int i = 0; i < own; i++)
            p[i] = r[i] + beta * p[i];
        before = now;
    }
}

static void work(int iterations) {
    for (int i = 0; i < iterations; i++)
        solve();
}

static char const* fault(void) {
    multiply(x, q);
    for (int i = 0; i < own; i++)
        if (!(fabs(x[i] - wanted[i]) < 1e-9))
            return "the solution is not the one that the right side was made from";
    for (int i = 0; i < own; i++)
        if (!(fabs(q[i] - right[i]) < 1e-7)) return "the solution does not give the right side";
    return NULL;
}

kernel const cg = {"cg", prepare, fill, work, fault, NULL};
