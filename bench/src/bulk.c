// SPDX-License-Identifier: Apache-2.0
// bulk: a bulk-synchronous job: one process per CPU, all of which compute for a quarter of a millisecond and then wait for each other.
//
//   bulk             says `ready`; answers each line with a number of steps by the microseconds that they took
//
// What holds one of them up holds up all, so the noise of a machine shows many times over.
#define _GNU_SOURCE
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "timing.h"

enum { quantum_ns = 250000, cpus_max = 64 };

struct shared {
    _Atomic long arrived, step, wanted; // wanted: steps altogether, -1 is the end
};

static uint64_t compute(uint64_t rounds) {
    uint64_t x = 88172645463325252ull;
    for (uint64_t i = 0; i < rounds; ++i) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        __asm__ volatile("" : "+r"(x));
    }
    return x;
}

static uint64_t rounds_of_a_quantum(void) {
    int64_t best = 1ll << 60;
    for (int i = 0; i < 20; ++i) {
        int64_t begun = now();
        compute(1000000);
        if (now() - begun < best) best = now() - begun;
    }
    return (uint64_t)(1000000.0 * quantum_ns / (double)best);
}

// All have arrived when the last one has; it opens the next step.
static void step(struct shared* s, long count, uint64_t rounds) {
    long const mine = atomic_load(&s->step);
    compute(rounds);
    if (atomic_fetch_add(&s->arrived, 1) + 1 == count) {
        atomic_store(&s->arrived, 0);
        atomic_store(&s->step, mine + 1);
    } else {
        while (atomic_load(&s->step) == mine)
            ;
    }
}

int main(void) {
    cpu_set_t all;
    sched_getaffinity(0, sizeof all, &all);
    int cpus[cpus_max], count = 0;
    for (int cpu = 0; cpu < CPU_SETSIZE && count < cpus_max; ++cpu)
        if (CPU_ISSET(cpu, &all)) cpus[count++] = cpu;
    struct shared* s = mmap(0, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (s == MAP_FAILED) return 1;
    uint64_t const rounds = rounds_of_a_quantum();
    int rank = 0;
    for (int child = 1; child < count && rank == 0; ++child)
        if (fork() == 0) rank = child;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpus[rank], &one);
    sched_setaffinity(0, sizeof one, &one);
    pid_t const parent = getppid();
    if (rank > 0) {
        long done = 0;
        for (;;) {
            while (atomic_load(&s->wanted) == done) {
                usleep(200);
                if (getppid() != parent) return 0;
            }
            if (atomic_load(&s->wanted) < 0) return 0;
            for (; done < atomic_load(&s->wanted); ++done)
                step(s, count, rounds);
        }
    }
    printf("ready\n");
    fflush(stdout);
    char line[64];
    while (fgets(line, sizeof line, stdin)) {
        long const steps = atol(line);
        if (steps < 1) break;
        atomic_fetch_add(&s->wanted, steps);
        step(s, count, rounds); // by which the others have come
        int64_t const begun = now();
        for (long i = 1; i < steps; ++i)
            step(s, count, rounds);
        printf("%.1f\n", (double)(now() - begun) / 1000);
        fflush(stdout);
    }
    atomic_store(&s->wanted, -1);
    return 0;
}
