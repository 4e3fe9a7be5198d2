// SPDX-License-Identifier: Apache-2.0
// round_trip: a raw TCP round trip, the measure for a forwarded call.
//
//   round_trip serve PORT CPU                        answers requests until it is killed
//   round_trip ask ADDRESS PORT CPU WAIT OUT BACK N  prints the median of N round trips in ns
//
// WAIT: block or spin (briefly, then block; the server does what the client says). Each request has OUT bytes, each
// answer BACK. CPU -1: not pinned.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "timing.h"

static char bytes[1 << 20];

static void pin(int cpu) {
    cpu_set_t set;
    if (cpu < 0) return;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    sched_setaffinity(0, sizeof set, &set);
}

// All of n bytes; spins up to 50 µs for the first of them when asked to.
static int take(int fd, size_t n, int spin) {
    size_t have = 0;
    if (spin) {
        int64_t until = now() + 50000;
        while (have == 0 && now() < until) {
            ssize_t got = recv(fd, bytes, n, MSG_DONTWAIT);
            if (got > 0) have = (size_t)got;
            else if (got == 0) return 0;
        }
    }
    while (have < n) {
        ssize_t got = recv(fd, bytes + have, n - have, 0);
        if (got <= 0) return 0;
        have += (size_t)got;
    }
    return 1;
}

static int serve(int port) {
    int one = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr*)&at, sizeof at) || listen(listener, 4)) return perror("listen"), 1;
    printf("ready\n");
    fflush(stdout);
    for (;;) {
        int fd = accept(listener, 0, 0);
        uint32_t what[3];
        if (fd < 0) continue;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        if (recv(fd, what, sizeof what, MSG_WAITALL) == sizeof what && what[0] <= sizeof bytes && what[1] <= sizeof bytes) {
            while (take(fd, what[0], (int)what[2])) {
                if (send(fd, bytes, what[1], MSG_NOSIGNAL) != (ssize_t)what[1]) break;
            }
        }
        close(fd);
    }
}

int main(int argc, char** argv) {
    if (argc == 4 && !strcmp(argv[1], "serve")) {
        pin(atoi(argv[3]));
        return serve(atoi(argv[2]));
    }
    if (argc != 9) return fprintf(stderr, "usage: see the head of round_trip.c\n"), 2;
    pin(atoi(argv[4]));
    int spin = !strcmp(argv[5], "spin"), one = 1, n = atoi(argv[8]);
    uint32_t what[3] = {(uint32_t)atoi(argv[6]), (uint32_t)atoi(argv[7]), (uint32_t)spin};
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[3]))};
    inet_pton(AF_INET, argv[2], &to.sin_addr);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr*)&to, sizeof to)) return perror("connect"), 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (send(fd, what, sizeof what, 0) != sizeof what) return 1;
    int64_t* times = malloc(sizeof *times * (size_t)n);
    for (int i = -n / 10; i < n; ++i) {
        int64_t start = now();
        if (send(fd, bytes, what[0], 0) != (ssize_t)what[0] || !take(fd, what[1], spin)) return 1;
        if (i >= 0) times[i] = now() - start;
    }
    printf("%lld\n", (long long)median(times, n));
    return 0;
}
