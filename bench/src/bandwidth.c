// SPDX-License-Identifier: Apache-2.0
// bandwidth: raw TCP, a warm buffer into a warm buffer, the measure for moving memory.
//
//   bandwidth serve PORT                 takes what comes, answers one byte at the end of each stream
//   bandwidth send ADDRESS PORT BYTES    prints bytes per second
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static char buffer[4 << 20];

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char** argv) {
    memset(buffer, 1, sizeof buffer);
    if (argc == 3 && !strcmp(argv[1], "serve")) {
        int one = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
        struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[2]))};
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
        if (bind(listener, (struct sockaddr*)&at, sizeof at) || listen(listener, 4)) return perror("listen"), 1;
        printf("ready\n");
        fflush(stdout);
        for (;;) {
            int fd = accept(listener, 0, 0);
            if (fd < 0) continue;
            while (recv(fd, buffer, sizeof buffer, 0) > 0) {}
            (void)!write(fd, "k", 1);
            close(fd);
        }
    }
    if (argc != 5) return fprintf(stderr, "usage: see the head of bandwidth.c\n"), 2;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[3]))};
    inet_pton(AF_INET, argv[2], &to.sin_addr);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr*)&to, sizeof to)) return perror("connect"), 1;
    long long left = atoll(argv[4]), total = left;
    double start = now();
    while (left > 0) {
        ssize_t put = send(fd, buffer, left < (long long)sizeof buffer ? (size_t)left : sizeof buffer, 0);
        if (put <= 0) return perror("send"), 1;
        left -= put;
    }
    char byte;
    shutdown(fd, SHUT_WR);
    if (read(fd, &byte, 1) != 1) return 1;
    printf("%.0f\n", (double)total / (now() - start));
    return 0;
}
