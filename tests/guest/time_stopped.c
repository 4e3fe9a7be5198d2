// SPDX-License-Identifier: Apache-2.0
// time_stopped: sleeps, timed polls and timed futex waits that are stopped and continued from outside last as long as they should, and say so.
#include "guest.h"
#include <linux/futex.h>
#include <poll.h>

static int word, never[2];
static int nanosleeps(void) {
    struct timespec t = {0, 60000000};
    return nanosleep(&t, NULL);
}
static int clock_nanosleeps(void) {
    struct timespec t = {0, 60000000};
    return clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL);
}
static int polls(void) {
    struct pollfd one = {never[0], POLLIN, 0};
    return poll(&one, 1, 60);
}
// As a C library writes a call: its number stands in front of it.
static int futex_waits(void) {
    struct timespec t = {0, 60000000};
    register struct timespec* time asm("r10") = &t;
    long result;
    asm volatile("mov $202, %%eax\n\tsyscall" : "=a"(result) : "D"(&word), "S"(FUTEX_WAIT_PRIVATE), "d"(0), "r"(time) : "rcx", "r11", "memory");
    return result == -ETIMEDOUT ? 0 : (int)result;
}
int main(void) {
    int (*const kind[])(void) = {nanosleeps, clock_nanosleeps, polls, futex_waits};
    int go[2];
    must(pipe(never));
    must(pipe(go));
    pid_t sleeper = getpid();
    pid_t stopper = must(fork());
    if (stopper == 0) {
        char c;
        close(go[1]);
        while (read(go[0], &c, 1) == 1) {
            for (int i = 0; i < 3; i++) {
                usleep(10000);
                must(kill(sleeper, SIGSTOP));
                must(kill(sleeper, SIGCONT));
            }
        }
        _exit(0);
    }
    close(go[0]);
    for (long i = 0; again(i, 10); i++) {
        size_t k = (size_t)i % (sizeof kind / sizeof *kind);
        int64_t start = now_ns();
        must(write(go[1], "g", 1));
        int result = kind[k]();
        check(result == 0, "kind %zu: %d, %s", k, result, strerror(errno));
        took(start, 60);
    }
    close(go[1]);
    wait_for(stopper);
    pass();
}
