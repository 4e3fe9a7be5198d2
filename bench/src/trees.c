// SPDX-License-Identifier: Apache-2.0
// trees: what it takes to make a process, and to become another program, as the program sees it.
//
//   trees N             for each line on standard input prints: ns of fork + exit + wait, of N the median; ns from an
//                       execve to the first instruction of main in the new program, of N / 10 the median
//   trees started NS    that program: prints how long ago NS was
//
// Before each exec there is a fork, which does not count.
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "timing.h"

static int64_t forked(void) {
    int64_t start = now();
    pid_t child = fork();
    if (child < 0) abort();
    if (child == 0) _exit(0);
    int status;
    if (waitpid(child, &status, 0) != child || status) abort();
    return now() - start;
}

static int64_t executed(char const* program) {
    int ends[2];
    if (pipe(ends)) abort();
    pid_t child = fork();
    if (child < 0) abort();
    if (child == 0) {
        dup2(ends[1], 1);
        close(ends[0]);
        close(ends[1]);
        char text[32];
        snprintf(text, sizeof text, "%lld", (long long)now());
        execl(program, program, "started", text, (char*)0);
        _exit(127);
    }
    close(ends[1]);
    char answer[32] = "";
    for (size_t used = 0; used < sizeof answer - 1;) {
        ssize_t got = read(ends[0], answer + used, sizeof answer - 1 - used);
        if (got <= 0) break;
        used += (size_t)got;
    }
    close(ends[0]);
    int status;
    if (waitpid(child, &status, 0) != child || status) abort();
    return atoll(answer);
}

int main(int argc, char** argv) {
    int64_t began = now();
    if (argc == 3 && !strcmp(argv[1], "started")) return printf("%lld", (long long)(began - atoll(argv[2]))) < 0;
    if (argc != 2) return fprintf(stderr, "usage: trees N\n"), 2;
    int count = atoi(argv[1]);
    if (count < 10) return 2;
    int64_t* times = malloc((size_t)count * sizeof *times);
    puts("ready");
    fflush(stdout);
    char line[8];
    while (fgets(line, sizeof line, stdin)) {
        for (int i = 0; i < count; ++i) times[i] = forked();
        int64_t fork_ns = median(times, count);
        for (int i = 0; i < count / 10; ++i) times[i] = executed("/proc/self/exe");
        printf("%lld %lld\n", (long long)fork_ns, (long long)median(times, count / 10));
        fflush(stdout);
    }
    return 0;
}
