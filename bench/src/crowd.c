/* SPDX-License-Identifier: Apache-2.0
 * crowd: one of several processes that talk by mailboxes, all with all or in a ring.
 *
 * usage: crowd     says `ready`, then for each line on its input:
 *   address                its mailbox's
 *   peer ADDRESS             one more of them, itself not, in the order of the ring: the first is next
 *   ring SIZE ROUNDS         in each round it sends to the next and receives one message; says how long it
 *                          took, seconds
 *   all SIZE ROUNDS          in each round it sends to each and receives one from each; the same
 */
#include <rove.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "timing.h"

enum { size_max = 1 << 20, peers_max = 64 };
static rove_address peers[peers_max];
static char room[size_max];

static void die(char const *what) {
    perror(what);
    exit(1);
}

int main(void) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    rove_mailbox *box = rove_open(0);
    if (!box) die("rove_open");
    puts("ready");
    char line[256], word[128];
    int count = 0, rounds;
    size_t size;
    while (fgets(line, sizeof line, stdin)) {
        if (strncmp(line, "address", 7) == 0) {
            rove_address own;
            rove_own_address(box, &own);
            rove_address_text(&own, word);
            puts(word);
        } else if (sscanf(line, "peer %127s", word) == 1) {
            if (count == peers_max || rove_address_parse(word, &peers[count]) != 0) die(word);
            ++count;
        } else if (sscanf(line, "%127s %zu %d", word, &size, &rounds) == 3 && size <= size_max) {
            int partners = strcmp(word, "ring") == 0 ? 1 : count;
            int64_t began = now();
            for (int i = 0; i < rounds; ++i) {
                for (int to = 0; to < partners; ++to)
                    if (rove_send(box, &peers[to], room, size, -1) != 0) die("rove_send");
                for (int from = 0; from < partners; ++from)
                    if (rove_receive(box, NULL, room, sizeof room, NULL, 0, -1) < 0)
                        die("rove_receive");
            }
            printf("%.4f\n", (double)(now() - began) / 1e9);
        } else {
            return 2;
        }
    }
    return 0;
}
