/* SPDX-License-Identifier: Apache-2.0
 * talk: messages to another process and back, by mailboxes or by a TCP connection of its own.
 *
 * usage: talk mailbox | talk polled | talk tcp PORT     says `ready`, then for each line on its input:
 *   address                              its mailbox's
 *   latency PARTNER SIZE ROUNDS            half a round trip, µs, each round
 *   bandwidth PARTNER SIZE COUNT           of COUNT messages, MB/s
 * `polled` is a mailbox whose descriptor was asked for, so that its lines go through home.
 * PARTNER is a mailbox's address, or HOST:PORT. The partner is a talk of the same kind that is asked
 * nothing: it answers whatever comes (`serve` on its input). The first byte of a message says whether it
 * is to be sent back ('e'), counted only ('c'), or answered by one byte ('r').
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <rove.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "timing.h"

enum { size_max = 8 << 20 };
static rove_mailbox *box;
static int connection = -1;
static rove_address partner;
static char *room;

static void die(char const *what) {
    perror(what);
    exit(1);
}

/* Over TCP a message is its length and its bytes. */
static void move_all(int out, char *bytes, size_t length) {
    while (length > 0) {
        ssize_t count = out ? write(connection, bytes, length) : read(connection, bytes, length);
        if (count <= 0) exit(0);
        bytes += count;
        length -= (size_t)count;
    }
}

static void send_message(size_t length) {
    if (box) {
        if (rove_send(box, &partner, room, length, -1) != 0) die("rove_send");
        return;
    }
    uint32_t head = (uint32_t)length;
    struct iovec parts[2] = {{&head, sizeof head}, {room, length}};
    ssize_t count = writev(connection, parts, 2);
    if (count < (ssize_t)sizeof head) die("writev");
    size_t done = (size_t)count - sizeof head;
    move_all(1, room + done, length - done);
}

static size_t receive_message(void) {
    if (box) {
        rove_letter letter;
        ssize_t got = rove_receive(box, NULL, room, size_max, &letter, 0, -1);
        if (got < 0) die("rove_receive");
        partner = letter.sender;
        return (size_t)got;
    }
    uint32_t head;
    move_all(0, (char *)&head, sizeof head);
    move_all(0, room, head);
    return head;
}

static void serve(void) {
    for (;;) {
        size_t length = receive_message();
        if (room[0] == 'e') send_message(length);
        if (room[0] == 'r') send_message(1);
    }
}

static void reach(char const *text) {
    if (box) {
        if (rove_address_parse(text, &partner) != 0) die(text);
        return;
    }
    if (connection >= 0) return;
    char host[64];
    int port;
    if (sscanf(text, "%63[^:]:%d", host, &port) != 2) die(text);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    inet_pton(AF_INET, host, &to.sin_addr);
    connection = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(connection, (struct sockaddr *)&to, sizeof to) != 0) die("connect");
    int yes = 1;
    setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
}

static void accept_one(int port) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int listener = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(listener, (struct sockaddr *)&at, sizeof at) != 0 || listen(listener, 1) != 0)
        die("listen");
    puts("listening");
    connection = accept(listener, NULL, NULL);
    if (connection < 0) die("accept");
    setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
}

int main(int argc, char **argv) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    room = calloc(1, size_max);
    if (argc < 2) return 2;
    if (strcmp(argv[1], "tcp") != 0 && !(box = rove_open(0))) die("rove_open");
    if (strcmp(argv[1], "polled") == 0 && rove_descriptor(box) < 0) die("rove_descriptor");
    puts("ready");
    char line[256], to[128];
    size_t size;
    int count;
    while (fgets(line, sizeof line, stdin)) {
        if (strncmp(line, "address", 7) == 0) {
            rove_address own;
            rove_own_address(box, &own);
            rove_address_text(&own, to);
            puts(to);
        } else if (sscanf(line, "latency %127s %zu %d", to, &size, &count) == 3) {
            reach(to);
            for (int i = 0; i < count; ++i) {
                int64_t began = now();
                room[0] = 'e';
                send_message(size);
                receive_message();
                printf("%.2f ", (double)(now() - began) / 2e3);
            }
            puts("");
        } else if (sscanf(line, "bandwidth %127s %zu %d", to, &size, &count) == 3) {
            reach(to);
            int64_t began = now();
            for (int i = 0; i < count; ++i) {
                room[0] = i + 1 < count ? 'c' : 'r';
                send_message(size);
            }
            receive_message();
            printf("%.4f\n", (double)size * count * 1e3 / (double)(now() - began));
        } else if (strncmp(line, "serve", 5) == 0) {
            if (!box) accept_one(atoi(argv[2]));
            serve();
        } else {
            return 2;
        }
    }
    return 0;
}
