// SPDX-License-Identifier: Apache-2.0
// calls: the medians of four kinds of system calls, as the program sees them.
//
//   calls FILE N CPU    prints: lseek pread4k write4k open_fstat_close, in ns, when a line comes on standard input
//
// FILE must have 4 KiB at least. It answers each line with one line, so that rounds can alternate
// with other measurements.
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "timing.h"

static char const* path;
static int file, sink, count;
static char page[4096];
static int64_t* times;

static void seek(void) {
    if (lseek(file, 0, SEEK_CUR) < 0) abort();
}
static void read_page(void) {
    if (pread(file, page, sizeof page, 0) != sizeof page) abort();
}
static void write_page(void) {
    if (write(sink, page, sizeof page) != sizeof page) abort();
}
static void three(void) {
    struct stat s;
    int fd = open(path, O_RDONLY);
    if (fd < 0 || fstat(fd, &s) || close(fd)) abort();
}

static long long median_of(void (*call)(void)) {
    for (int i = -count / 10; i < count; ++i) {
        int64_t start = now();
        call();
        if (i >= 0) times[i] = now() - start;
    }
    return median(times, count);
}

int main(int argc, char** argv) {
    if (argc != 4) return fprintf(stderr, "usage: calls FILE N CPU\n"), 2;
    path = argv[1];
    count = atoi(argv[2]);
    if (atoi(argv[3]) >= 0) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET(atoi(argv[3]), &set);
        sched_setaffinity(0, sizeof set, &set);
    }
    times = malloc(sizeof *times * (size_t)count);
    file = open(path, O_RDONLY);
    sink = open("/dev/null", O_WRONLY);
    if (file < 0 || sink < 0) return perror(path), 1;
    char line[64];
    printf("ready\n");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        long long a = median_of(seek), b = median_of(read_page), c = median_of(write_page), d = median_of(three);
        printf("%lld %lld %lld %lld\n", a, b, c, d);
        fflush(stdout);
    }
    return 0;
}
