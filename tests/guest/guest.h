// SPDX-License-Identifier: Apache-2.0
// guest.h: what every guest test stands on: checks, and the rounds in which moves strike.
//
// A test does its work in rounds:  for (long i = 0; again(i, 20); i++) { … }  Natively that is 20 rounds (times ROUNDS).
// Under the runner, GUEST_GATE names a directory with a FIFO `rounds`: every round is announced there with the PID,
// and the rounds go on until the runner has done its moves and takes the FIFO away. So a move may strike at any
// instruction, and what a test prints must not depend on the number of rounds, the time or the PID.
#pragma once
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// fail: one line on standard error that says where and what, and status 1.
__attribute__((noreturn, format(printf, 4, 5))) static inline void fail_at(const char* file, int line, const char* what,
                                                                            const char* format, ...) {
    char text[1024] = "";
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    dprintf(2, "%s:%d: %s%s%s\n", file, line, what, *what && *text ? ": " : "", text);
    _exit(1);
}
#define fail(...) fail_at(__FILE__, __LINE__, "", __VA_ARGS__)
#define check(condition, ...)                                                                                          \
    do {                                                                                                               \
        if (!(condition)) fail_at(__FILE__, __LINE__, #condition, " " __VA_ARGS__);                                                          \
    } while (0)

// must: the value of a call that may not fail. wants: a call that must fail with this errno.
#define must(call)                                                                                                     \
    __extension__({                                                                                                    \
        __typeof__(call) must_value = (call);                                                                          \
        if ((long)must_value == -1) fail("%s: %s", #call, strerror(errno));                                            \
        must_value;                                                                                                    \
    })
#define wants(number, call)                                                                                            \
    do {                                                                                                               \
        errno = 0;                                                                                                     \
        long wants_value = (long)(call);                                                                               \
        int wants_errno = errno;                                                                                       \
        if (wants_value != -1 || wants_errno != (number))                                                              \
            fail("%s gave %ld, errno %d (%s), wanted -1 and %s", #call, wants_value, wants_errno,                      \
                 strerror(wants_errno), #number);                                                                      \
    } while (0)
// equal: two numbers that must be the same; says both if not.
#define equal(a, b)                                                                                                    \
    do {                                                                                                               \
        long long equal_a = (long long)(a), equal_b = (long long)(b);                                                  \
        if (equal_a != equal_b) fail("%s is %lld, %s is %lld", #a, equal_a, #b, equal_b);                              \
    } while (0)
// zero: a pthread-style call, which returns its error.
#define zero(call)                                                                                                     \
    do {                                                                                                               \
        int zero_error = (call);                                                                                       \
        if (zero_error != 0) fail("%s: %s", #call, strerror(zero_error));                                              \
    } while (0)

// announce: tells the runner of a round. False once the runner wants no more of them (or there is no runner).
static inline bool announce(long round) {
    const char* gate = getenv("GUEST_GATE");
    if (gate == NULL) return false;
    char path[PATH_MAX], line[64];
    snprintf(path, sizeof path, "%s/rounds", gate);
    int fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) return false;
    int length = snprintf(line, sizeof line, "%d %ld\n", (int)getpid(), round);
    if (write(fd, line, (size_t)length) < 0) { /* A full FIFO only means that nobody reads at the moment. */
    }
    close(fd);
    return true;
}

// again: whether there is another round. Without a runner there are `rounds`, times the variable ROUNDS.
static inline bool again(long round, long rounds) {
    int kept = errno;
    bool more = false;
    if (getenv("GUEST_GATE") != NULL) {
        more = announce(round) || round < 1;
        // Bursts of rounds, not an endless storm of them: the runner and the daemons share these processors.
        if (more && round >= rounds && round % 16 == 0) usleep(2000);
    } else {
        const char* factor = getenv("ROUNDS");
        more = round < rounds * (factor != NULL && atol(factor) > 0 ? atol(factor) : 1);
    }
    errno = kept;
    return more;
}
// spin: some computing that the compiler cannot remove.
static inline uint64_t spin(long n) {
    volatile uint64_t x = 88172645463325252ull;
    for (long i = 0; i < n; i++) {
        uint64_t y = x;
        y ^= y << 13, y ^= y >> 7, y ^= y << 17;
        x = y;
    }
    return x;
}

// stays_end: the mode may bring it home, or on to another host, after a stay away.
static inline bool stays_end(void) {
    const char* mode = getenv("GUEST_MODE");
    return mode != NULL && strcmp(mode, "home") != 0 && strcmp(mode, "away") != 0 && strcmp(mode, "once") != 0;
}
// ready: for a test that has nothing to do in rounds but must be struck before it goes on.
static inline void ready(void) {
    for (long i = 0; again(i, 1); i++) spin(20000);
}

__attribute__((noreturn)) static inline void pass(void) {
    printf("pass\n");
    fflush(stdout);
    exit(0);
}

// Time: a wait may never be cut short (1 ms for clocks that are corrected), and may take long on a busy machine.
static inline int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}
#define took(start, want_ms)                                                                                           \
    do {                                                                                                               \
        double took_ms = (double)(now_ns() - (start)) / 1e6;                                                           \
        if (took_ms < (want_ms)-1.0) fail("a wait of %d ms was cut short: %.3f ms", (int)(want_ms), took_ms);          \
        if (took_ms > (want_ms) + 5000.0) fail("a wait of %d ms took %.3f ms", (int)(want_ms), took_ms);               \
    } while (0)

// guarded: n bytes that end at a page which may not be touched, filled with 0xa5.
static inline void* guarded(size_t n) {
    size_t pages = (n + 4095) / 4096 * 4096;
    char* base = (char*)mmap(NULL, pages + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == (char*)MAP_FAILED || mprotect(base + pages, 4096, PROT_NONE) != 0) fail("guarded(%zu)", n);
    memset(base, 0xa5, pages);
    return base + pages - n;
}
static inline void unguard(void* p, size_t n) {
    size_t pages = (n + 4095) / 4096 * 4096;
    munmap((char*)p + n - pages, pages + 4096);
}

// fill, sum: a pattern that depends on a seed, and a checksum of bytes.
static inline void fill(void* p, size_t n, uint32_t seed) {
    uint32_t x = seed * 2654435761u + 1;
    for (size_t i = 0; i < n; i++) {
        x = x * 1664525u + 1013904223u;
        ((unsigned char*)p)[i] = (unsigned char)(x >> 24);
    }
}
static inline uint64_t sum(const void* p, size_t n) {
    uint64_t h = 1469598103934665603ull;
    for (size_t i = 0; i < n; i++) h = (h ^ ((const unsigned char*)p)[i]) * 1099511628211ull;
    return h;
}
// wait_for: the child's status; the child must be this one.
static inline int wait_for(pid_t child) {
    int status = 0;
    pid_t got;
    do got = waitpid(child, &status, 0);
    while (got < 0 && errno == EINTR);
    if (got != child) fail("waitpid(%d) gave %d: %s", (int)child, (int)got, strerror(errno));
    return status;
}
// exits_well: the child must end with status 0.
static inline void exits_well(pid_t child) {
    int status = wait_for(child);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) fail("child ended with wait status 0x%x", status);
}
// on_signal: installs a handler with siginfo.
static inline void on_signal(int number, void (*handler)(int, siginfo_t*, void*), int flags) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = handler;
    action.sa_flags = SA_SIGINFO | flags;
    sigemptyset(&action.sa_mask);
    if (sigaction(number, &action, NULL) != 0) fail("sigaction(%d): %s", number, strerror(errno));
}
