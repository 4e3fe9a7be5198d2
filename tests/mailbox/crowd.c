/* SPDX-License-Identifier: Apache-2.0
 * crowd: one of N processes that send each other random messages, and check what they get.
 *
 * usage: crowd DIRECTORY NUMBER OF MESSAGES LENGTH SEED LEAVES [WISHES]
 * Each writes its address into DIRECTORY/NUMBER and waits for the others'. Then it sends MESSAGES
 * messages of random length, below LENGTH, to random others, and reads what comes. The last message
 * to each says that it is the last. It ends when all others have said that or are gone; with LEAVES 1
 * at once when it has sent everything. With WISHES it also wishes so many times to be where another
 * one or on some node, or another one where it is. Prints `ok READ SENT MET` or what is wrong; MET
 * are wishes that were.
 */
#include <errno.h>
#include <rove.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { most = 64 };

static struct partner {
    rove_address address;
    uint32_t sent, read;
    int ended, gone;
    int deaf; /* nothing can be sent to it any more; what it has sent may still be unread */
} partners[most];
static int me, count;
static uint64_t chance;

static uint32_t below(uint32_t limit) {
    chance = chance * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(chance >> 33) % limit;
}

static void wrong(char const *what, int partner) {
    printf("%d: %s (partner %d, %u read, errno %s)\n", me, what, partner, partners[partner].read,
        strerror(errno));
    exit(1);
}

struct head {
    uint32_t from, number, length, last;
};

/* Every byte behind the head can be told from sender, number and place. */
static unsigned char byte_of(struct head const *head, uint32_t at) {
    return (unsigned char)(head->from * 7 + head->number * 31 + at * 3);
}

static unsigned char *buffer;

/* Reads one letter; 0: none within the time. */
static int receive(rove_mailbox *box, uint32_t room, int timeout_ms) {
    rove_letter letter;
    ssize_t got = rove_receive(box, NULL, buffer, room, &letter, 0, timeout_ms);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
    if (got < 0) wrong("cannot receive", me);
    int from = 0;
    while (from < count && !rove_address_equal(&letter.sender, &partners[from].address))
        ++from;
    if (from == count) wrong("a letter from nowhere", me);
    struct partner *partner = &partners[from];
    if (letter.kind == ROVE_GONE) {
        partner->gone = 1;
        return 1;
    }
    struct head head;
    memcpy(&head, buffer, sizeof head);
    if (partner->ended || partner->gone) wrong("a message after the last", from);
    if (head.from != (uint32_t)from || head.number != partner->read || (size_t)got != head.length)
        wrong("not the next message", from);
    for (uint32_t at = sizeof head; at < head.length; ++at)
        if (buffer[at] != byte_of(&head, at)) wrong("other bytes", from);
    ++partner->read;
    if (head.last) partner->ended = 1;
    return 1;
}

static int send_one(rove_mailbox *box, int to, uint32_t length, uint32_t last, int timeout_ms) {
    struct head head = {(uint32_t)me, partners[to].sent, length, last};
    unsigned char *bytes = malloc(length);
    for (uint32_t at = sizeof head; at < length; ++at)
        bytes[at] = byte_of(&head, at);
    memcpy(bytes, &head, sizeof head);
    int sent = rove_send(box, &partners[to].address, bytes, length, timeout_ms);
    free(bytes);
    if (sent == 0) ++partners[to].sent;
    return sent;
}

static void meet(rove_mailbox *box, char const *directory) {
    char path[512], part[520], text[ROVE_ADDRESS_TEXT_SIZE];
    rove_own_address(box, &partners[me].address);
    rove_address_text(&partners[me].address, text);
    snprintf(path, sizeof path, "%s/%d", directory, me);
    snprintf(part, sizeof part, "%s.part", path);
    FILE *file = fopen(part, "w");
    if (!file || fputs(text, file) < 0 || fclose(file) != 0 || rename(part, path) != 0)
        wrong("cannot write my address", me);
    for (int i = 0; i < count; ++i) {
        snprintf(path, sizeof path, "%s/%d", directory, i);
        while (!(file = fopen(path, "r")))
            usleep(10000);
        if (!fgets(text, sizeof text, file) || rove_address_parse(text, &partners[i].address) != 0)
            wrong("no address", i);
        fclose(file);
    }
}

static int all_ended(void) {
    for (int i = 0; i < count; ++i)
        if (i != me && !partners[i].ended && !partners[i].gone) return 0;
    return 1;
}

/* Without a place where it can go it reads what has come, or two that send would wait for ever. */
static void send_patiently(rove_mailbox *box, int to, uint32_t length, uint32_t last, uint32_t room) {
    while (!partners[to].deaf && send_one(box, to, length, last, 0) != 0) {
        if (errno == ESRCH) {
            partners[to].deaf = 1;
            return;
        }
        if (errno != EAGAIN && errno != EINTR) wrong("cannot send", to);
        receive(box, room, 5);
    }
}

/* 1: it was met. A node may have no room at that moment, and a peer may have ended. */
static int wish(rove_mailbox *box) {
    static char const *const nodes[] = {"home", "n1", "n2", "n3"};
    rove_address const *other = &partners[below((uint32_t)count)].address;
    uint32_t kind = below(3);
    int done = kind == 0   ? rove_move_to_node(box, nodes[below(4)], -1)
               : kind == 1 ? rove_move_to(box, other, -1)
                           : rove_invite(box, other, -1);
    if (done != 0 && errno != EBUSY && errno != ESRCH) wrong("a wish", me);
    return done == 0;
}

int main(int argc, char **argv) {
    if (argc != 8 && argc != 9) return 2;
    me = atoi(argv[2]);
    count = atoi(argv[3]);
    uint32_t messages = (uint32_t)atoi(argv[4]), room = (uint32_t)atoi(argv[5]);
    chance = (uint64_t)atoi(argv[6]) * 1000 + (uint64_t)me;
    int leaves = atoi(argv[7]);
    uint32_t wishes = argc > 8 ? (uint32_t)atoi(argv[8]) : 0, wished = 0, met = 0;
    if (count > most || room < sizeof(struct head) + 1) return 2;
    buffer = malloc(room);
    rove_mailbox *box = rove_open(ROVE_NOTICES);
    if (!box) wrong("cannot open a mailbox", me);
    meet(box, argv[1]);
    for (uint32_t i = 0; i < messages; ++i) {
        for (; (uint64_t)wished * messages < (uint64_t)wishes * i; ++wished)
            met += (uint32_t)wish(box);
        int to = (int)below((uint32_t)count);
        uint32_t span = below(8) == 0 ? room : room / 16 + sizeof(struct head) + 1;
        uint32_t length = (uint32_t)sizeof(struct head) + below(span - (uint32_t)sizeof(struct head));
        if (to == me || partners[to].deaf) continue;
        send_patiently(box, to, length, 0, room);
        if (below(2) == 0) receive(box, room, 0);
    }
    for (int i = 0; i < count; ++i)
        if (i != me) send_patiently(box, i, sizeof(struct head), 1, room);
    uint32_t read = 0, sent = 0;
    if (!leaves)
        while (!all_ended())
            receive(box, room, 1000);
    for (int i = 0; i < count; ++i) {
        read += partners[i].read;
        sent += partners[i].sent;
        /* Who leaves early has said so with its last message: a notice alone is a loss. */
        if (!leaves && i != me && !partners[i].ended) wrong("gone before its last message", i);
    }
    if (rove_close(box) != 0) wrong("cannot close", me);
    printf("ok %u %u %u\n", read, sent, met);
    return 0;
}
