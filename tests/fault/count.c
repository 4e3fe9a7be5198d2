// SPDX-License-Identifier: Apache-2.0
// count: counts in memory and in files at home, checks itself at each step, and ends when it is told to.
//
// count PAGES FILE…: one thread for each file appends 1, 2, 3 … to it, eight bytes each, and has the same count
// in memory, spread over so many pages. When standard input has a byte or has ended, each thread's count is
// printed and the status is 7; a count that is not what it must be is status 1.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { page = 4096, threads_max = 8 };
static int pages;

struct Counter {
    pthread_t thread;
    int file;
    uint64_t count;
    unsigned char* memory; // page i holds the last count c with c % pages == i
};
static volatile int over;

static void broken(char const* what, struct Counter const* counter) {
    fprintf(stderr, "at %llu: %s\n", (unsigned long long)counter->count, what);
    _exit(1);
}

static void step(struct Counter* counter) {
    uint64_t next = counter->count + 1;
    uint64_t all = (uint64_t)pages;
    uint64_t* place = (uint64_t*)(counter->memory + next % all * page);
    if (*place != (next > all ? next - all : 0)) broken("memory has another count", counter);
    *place = next;
    if (write(counter->file, &next, sizeof next) != sizeof next) broken("the file takes no more", counter);
    counter->count = next;
}

static void* run(void* argument) {
    struct timespec const moment = {0, 700000};
    while (!over) {
        step(argument);
        nanosleep(&moment, NULL);
    }
    return NULL;
}

int main(int count, char** names) {
    static struct Counter counters[threads_max];
    int threads = count - 2;
    pages = count > 1 ? atoi(names[1]) : 0;
    if (pages < 1 || threads < 1 || threads > threads_max) return 2;
    for (int i = 0; i < threads; ++i) {
        counters[i].file = open(names[i + 2], O_WRONLY | O_CREAT | O_APPEND, 0600);
        counters[i].memory = aligned_alloc(page, (size_t)pages * page);
        if (counters[i].file < 0 || counters[i].memory == NULL) return 2;
        for (int j = 0; j < pages; ++j) *(uint64_t*)(counters[i].memory + j * page) = 0;
    }
    for (int i = 1; i < threads; ++i)
        if (pthread_create(&counters[i].thread, NULL, run, &counters[i]) != 0) return 2;
    struct pollfd input = {0, POLLIN, 0};
    int ready;
    while ((ready = poll(&input, 1, 1)) == 0) step(&counters[0]);
    if (ready < 0) broken("poll failed", &counters[0]);
    over = 1;
    for (int i = 1; i < threads; ++i) pthread_join(counters[i].thread, NULL);
    for (int i = 0; i < threads; ++i) printf("%llu\n", (unsigned long long)counters[i].count);
    return 7;
}
