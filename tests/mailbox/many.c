/* SPDX-License-Identifier: Apache-2.0
 * many: one mailbox that talks with more others than it may have lines with.
 *
 * usage: many hub FILE             writes its address into FILE and answers each message by the same one
 *        many leaves FILE N ROUNDS   opens N mailboxes; each says a number to the hub, which must come back
 * The leaves' last word ends the hub. Both print `ok` or what is wrong.
 */
#include <errno.h>
#include <rove.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { most = 512 };
struct word {
    uint32_t leaf, round, last;
};

static void wrong(char const *what) {
    printf("%s: %s\n", what, strerror(errno));
    exit(1);
}

static struct word hear(rove_mailbox *box, rove_letter *letter) {
    struct word word = {0, 0, 0};
    ssize_t got = rove_receive(box, NULL, &word, sizeof word, letter, 0, 60000);
    if (got != (ssize_t)sizeof word) wrong("no word");
    return word;
}

static void hub(char const *file) {
    rove_mailbox *box = rove_open(0);
    if (!box) wrong("no mailbox");
    rove_address own;
    char text[ROVE_ADDRESS_TEXT_SIZE], beside[512];
    rove_own_address(box, &own);
    rove_address_text(&own, text);
    snprintf(beside, sizeof beside, "%s.new", file);
    FILE *out = fopen(beside, "w");
    if (!out) wrong(beside);
    fputs(text, out);
    fclose(out);
    if (rename(beside, file) != 0) wrong(file);
    for (;;) {
        rove_letter letter;
        struct word word = hear(box, &letter);
        if (rove_send(box, &letter.sender, &word, sizeof word, 60000) != 0) wrong("no answer");
        if (word.last) break;
    }
    if (rove_close(box) != 0) wrong("no end");
}

static void leaves(char const *file, uint32_t count, uint32_t rounds) {
    static rove_mailbox *box[most];
    char text[ROVE_ADDRESS_TEXT_SIZE] = "";
    rove_address to;
    FILE *in;
    while (!(in = fopen(file, "r")))
        usleep(10000);
    if (!fgets(text, sizeof text, in) || rove_address_parse(text, &to) != 0) wrong("no address");
    for (uint32_t i = 0; i < count; ++i)
        if (!(box[i] = rove_open(0))) wrong("no mailbox");
    for (uint32_t round = 0; round < rounds; ++round) {
        for (uint32_t i = 0; i < count; ++i) {
            struct word word = {i, round, 0};
            if (rove_send(box[i], &to, &word, sizeof word, 60000) != 0) wrong("not sent");
        }
        for (uint32_t i = 0; i < count; ++i) {
            rove_letter letter;
            struct word word = hear(box[i], &letter);
            if (word.leaf != i || word.round != round) wrong("another's word");
        }
    }
    struct word word = {0, rounds, 1};
    rove_letter letter;
    if (rove_send(box[0], &to, &word, sizeof word, 60000) != 0) wrong("not sent");
    (void)hear(box[0], &letter);
}

int main(int argc, char **argv) {
    if (argc == 3 && strcmp(argv[1], "hub") == 0)
        hub(argv[2]);
    else if (argc == 5 && strcmp(argv[1], "leaves") == 0 && atoi(argv[3]) <= most)
        leaves(argv[2], (uint32_t)atoi(argv[3]), (uint32_t)atoi(argv[4]));
    else
        return 2;
    puts("ok");
    return 0;
}
