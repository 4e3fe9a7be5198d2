// SPDX-License-Identifier: Apache-2.0
// MG: (10 - Laplace) u = f on a cube that is closed at all sides, by multigrid. Ranks have slabs of
// planes, of each grid.
//
// Size: points of a side, a power of two, at least that of the ranks. An iteration is a solution
// from zero by `cycles` V-cycles. f is made from a known u.
#include "kernel.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { levels_max = 12, cycles = 10, coarsest_sweeps = 12 };
static double const shift = 10;

typedef struct grid {
    int side, planes;  // planes: ours; one more lies before them, and one behind
    double *u, *f, *r; // r: what is missing in f
} grid;

static grid grids[levels_max];
static int levels;
static double *wanted, first_missing;

static size_t plane(grid const* g) {
    return (size_t)g->side * (size_t)g->side;
}

static size_t bytes(grid const* g) {
    return (size_t)(g->planes + 2) * plane(g) * sizeof(double);
}

static double* row(grid const* g, double* of, int z, int y) {
    return of + (size_t)(z + 1) * plane(g) + (size_t)(y & (g->side - 1)) * (size_t)g->side;
}

// The planes before and behind ours.
static void exchange(grid const* g, double* of) {
    int const before = (rank + ranks - 1) % ranks, behind = (rank + 1) % ranks,
              count = (int)plane(g);
    MPI_Sendrecv(row(g, of, g->planes - 1, 0), count, MPI_DOUBLE, behind, 0, row(g, of, -1, 0),
        count, MPI_DOUBLE, before, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    MPI_Sendrecv(row(g, of, 0, 0), count, MPI_DOUBLE, before, 1, row(g, of, g->planes, 0), count,
        MPI_DOUBLE, behind, 1, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
}

// A point's row, and the four beside it.
typedef struct cross {
    double *own, *before, *behind, *above, *below;
} cross;

static cross around(grid const* g, int z, int y) {
    return (cross){row(g, g->u, z, y), row(g, g->u, z - 1, y), row(g, g->u, z + 1, y),
        row(g, g->u, z, y - 1), row(g, g->u, z, y + 1)};
}

static double neighbours(cross const* c, int x, int last) {
    return c->own[(x - 1) & last] + c->own[(x + 1) & last] + c->before[x] + c->behind[x] +
           c->above[x] + c->below[x];
}

// Each point from its neighbours, the ones with an even sum of coordinates first.
static void sweep(grid const* g) {
    int const last = g->side - 1;
    double const square = 1.0 / g->side / g->side, scale = 1 / (6 + shift * square);
    for (int colour = 0; colour < 2; colour++) {
        exchange(g, g->u);
        for (int z = 0; z < g->planes; z++)
            for (int y = 0; y < g->side; y++) {
                cross const c = around(g, z, y);
                double const* f = row(g, g->f, z, y);
                for (int x = (rank * g->planes + z + y + colour) & 1; x < g->side; x += 2)
                    c.own[x] = (square * f[x] + neighbours(&c, x, last)) * scale;
            }
    }
}

// (shift - Laplace) u.
static void apply(grid const* g, double* result) {
    int const last = g->side - 1;
    double const inverse = (double)g->side * g->side;
    exchange(g, g->u);
    for (int z = 0; z < g->planes; z++)
        for (int y = 0; y < g->side; y++) {
            cross const c = around(g, z, y);
            double* to = row(g, result, z, y);
            for (int x = 0; x < g->side; x++)
                to[x] = (6 * c.own[x] - neighbours(&c, x, last)) * inverse + shift * c.own[x];
        }
}

static double missing(grid const* g) {
    double sum = 0;
    apply(g, g->r);
    for (int z = 0; z < g->planes; z++) {
        double *r = row(g, g->r, z, 0), *f = row(g, g->f, z, 0);
        for (size_t i = 0; i < plane(g); i++) {
            r[i] = f[i] - r[i];
            sum += r[i] * r[i];
        }
    }
    return sum;
}

// What is missing, as the next grid's f: each of its points from 27 of ours.
static void restrict_to(grid const* g, grid const* coarse) {
    int const last = g->side - 1;
    exchange(g, g->r);
    for (int z = 0; z < coarse->planes; z++)
        for (int y = 0; y < coarse->side; y++) {
            double* to = row(coarse, coarse->f, z, y);
            memset(to, 0, (size_t)coarse->side * sizeof *to);
            for (int dz = -1; dz <= 1; dz++)
                for (int dy = -1; dy <= 1; dy++) {
                    double const* from = row(g, g->r, 2 * z + dz, 2 * y + dy);
                    double const weight = (2 - abs(dz)) * (2 - abs(dy)) / 64.0;
                    for (int x = 0; x < coarse->side; x++)
                        to[x] +=
                            weight * (from[(2 * x - 1) & last] + 2 * from[2 * x] + from[2 * x + 1]);
                }
        }
}

// The next grid's u is added to ours: each point gets the mean of those around it.
static void add_from(grid const* coarse, grid const* g) {
    int const last = coarse->side - 1;
    exchange(coarse, coarse->u);
    for (int z = 0; z < g->planes; z++)
        for (int y = 0; y < g->side; y++) {
            double* to = row(g, g->u, z, y);
            double const *a = row(coarse, coarse->u, z / 2, y / 2),
                         *b = row(coarse, coarse->u, z / 2, (y + 1) / 2),
                         *c = row(coarse, coarse->u, (z + 1) / 2, y / 2),
                         *d = row(coarse, coarse->u, (z + 1) / 2, (y + 1) / 2);
            for (int x = 0; x < coarse->side; x++) {
                int const right = (x + 1) & last;
                double const here = (a[x] + b[x] + c[x] + d[x]) / 4,
                             there = (a[right] + b[right] + c[right] + d[right]) / 4;
                to[2 * x] += here;
                to[2 * x + 1] += (here + there) / 2;
            }
        }
}

static void cycle(int level) {
    grid const *g = &grids[level], *coarse = g + 1;
    if (level == levels - 1) {
        for (int i = 0; i < coarsest_sweeps; i++)
            sweep(g);
        return;
    }
    sweep(g);
    (void)missing(g);
    restrict_to(g, coarse);
    memset(coarse->u, 0, bytes(coarse));
    cycle(level + 1);
    add_from(coarse, g);
    sweep(g);
}

static void prepare(int size) {
    for (int side = size; side >= ranks && side >= 4 && levels < levels_max; side /= 2) {
        grid* g = &grids[levels++];
        *g = (grid){.side = side, .planes = side / ranks};
        g->u = memory(1, bytes(g));
        g->f = memory(1, bytes(g));
        g->r = memory(1, bytes(g));
    }
    grid const* g = &grids[0];
    wanted = memory(1, bytes(g));
    double const turn = 2 * M_PI / g->side;
    for (int z = 0; z < g->planes; z++)
        for (int y = 0; y < g->side; y++)
            for (int x = 0; x < g->side; x++) {
                int const deep = rank * g->planes + z;
                uint64_t const point =
                    ((uint64_t)deep * (uint64_t)g->side + (uint64_t)y) * (uint64_t)g->side +
                    (uint64_t)x;
                row(g, wanted, z, y)[x] =
                    sin(turn * x) * cos(turn * 2 * y) + sin(turn * 3 * deep) + 0.01 * unit(point);
            }
    memcpy(g->u, wanted, bytes(g));
    apply(g, g->f);
}

static void fill(void) {
    memset(grids[0].u, 0, bytes(&grids[0]));
    first_missing = sum_of_all(missing(&grids[0]));
}

static void work(int iterations) {
    for (int i = 0; i < iterations; i++) {
        memset(grids[0].u, 0, bytes(&grids[0]));
        for (int k = 0; k < cycles; k++)
            cycle(0);
    }
}

static char const* fault(void) {
    grid const* g = &grids[0];
    double const left = sqrt(sum_of_all(missing(g)) / first_missing);
    if (!(left < 1e-5)) return "what is missing has not become small";
    for (int z = 0; z < g->planes; z++) {
        double *u = row(g, g->u, z, 0), *right = row(g, wanted, z, 0);
        for (size_t i = 0; i < plane(g); i++)
            if (!(fabs(u[i] - right[i]) < 1e-4)) return "u is not the one that f was made from";
    }
    return NULL;
}

kernel const mg = {"mg", prepare, fill, work, fault, NULL};
