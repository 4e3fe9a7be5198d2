// SPDX-License-Identifier: Apache-2.0
// family: a tree of processes that check their own work: numbers, files, pipes between threads, children, memory.
//
//   family N SECONDS    prints how many rounds N - 1 children have made in that time; status 1 if anything was wrong
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "timing.h"

static void must(int good, char const* what) {
    if (good) return;
    dprintf(2, "family: %d: %s\n", getpid(), what);
    _exit(1);
}

static void numbers(void) {
    uint64_t x = 88172645463325252ull;
    for (int i = 0; i < 2000000; ++i) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
    }
    static uint64_t first;
    if (first == 0) first = x;
    must(x == first, "the same numbers give another result");
}

static void files(void) {
    static unsigned char out[65536], in[65536];
    static unsigned round;
    memset(out, (int)++round, sizeof out);
    int fd = open("/tmp", O_TMPFILE | O_RDWR, 0600);
    must(fd >= 0, "no file");
    must(write(fd, out, sizeof out) == sizeof out, "a file is not written");
    must(pread(fd, in, sizeof in, 0) == sizeof in && memcmp(in, out, sizeof in) == 0, "a file has other bytes");
    must(lseek(fd, 0, SEEK_CUR) == sizeof out && close(fd) == 0, "a file has another position");
}

static void* echo(void* given) {
    int* ends = given;
    char c;
    while (read(ends[0], &c, 1) == 1) must(write(ends[3], &c, 1) == 1, "no echo");
    return NULL;
}

static void pipes(void) {
    int ends[4];
    pthread_t thread;
    must(pipe(ends) == 0 && pipe(ends + 2) == 0 && pthread_create(&thread, NULL, echo, ends) == 0, "no thread");
    for (int i = 0; i < 50; ++i) {
        char c = (char)i, back = ~c;
        must(write(ends[1], &c, 1) == 1 && read(ends[2], &back, 1) == 1 && back == c, "another echo");
    }
    close(ends[1]);
    must(pthread_join(thread, NULL) == 0, "no end of a thread");
    close(ends[0]), close(ends[2]), close(ends[3]);
}

static void children(void) {
    pid_t child = fork();
    must(child >= 0, "no child");
    if (child == 0) {
        execl("/bin/sh", "sh", "-c", "exit 7", (char*)0);
        _exit(1);
    }
    int status;
    must(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 7, "a child ended otherwise");
}

static volatile int alarms;
static void on_alarm(int signal) { alarms += signal == SIGUSR1; }

static void memory(void) {
    size_t size = 1 << 20;
    unsigned char* at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    must(at != MAP_FAILED, "no memory");
    memset(at, 0x5a, size);
    must(mprotect(at, size, PROT_READ) == 0, "no protection");
    signal(SIGUSR1, on_alarm);
    int before = alarms;
    must(raise(SIGUSR1) == 0 && alarms == before + 1, "a signal did not come once");
    for (size_t i = 0; i < size; ++i) must(at[i] == 0x5a, "memory has other bytes");
    must(munmap(at, size) == 0, "memory stays");
}

int main(int argc, char** argv) {
    if (argc != 3) return fprintf(stderr, "usage: family N SECONDS\n"), 2;
    static void (*const works[])(void) = {numbers, files, pipes, children, memory};
    int count = atoi(argv[1]) - 1, told[2];
    int64_t end = now() + atoll(argv[2]) * 1000000000ll;
    must(pipe(told) == 0, "no pipe");
    for (int i = 0; i < count; ++i) {
        pid_t child = fork();
        must(child >= 0, "no child");
        if (child != 0) continue;
        long rounds = 0;
        for (; now() < end; ++rounds) works[i % 5]();
        must(write(told[1], &rounds, sizeof rounds) == sizeof rounds, "no last word");
        _exit(0);
    }
    long all = 0;
    int status, wrong = 0;
    for (int i = 0; i < count; ++i) {
        pid_t child = wait(&status);
        if (child > 0 && status == 0) continue;
        wrong = 1;
        fprintf(stderr, "family: %d ended with %x\n", child, status);
    }
    for (int i = 0; i < count && !wrong; ++i) {
        long rounds = 0;
        must(read(told[0], &rounds, sizeof rounds) == sizeof rounds && rounds > 0, "a child has done nothing");
        all += rounds;
    }
    printf("%ld\n", all);
    return wrong;
}
