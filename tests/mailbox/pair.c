/* SPDX-License-Identifier: Apache-2.0
 * pair: two processes that hand a message to and fro for ever, and compute for 50 us each time.
 *
 * Both rest now and then: on some kernels two that only wake each other starve everybody else.
 * Prints the PIDs of both. The parent's end is the child's.
 */
#include <rove.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

static void wrong(char const *what) {
    perror(what);
    exit(1);
}

static void hand_over(rove_mailbox *box, rove_address const *to) {
    unsigned char ball = 1;
    if (rove_send(box, to, &ball, sizeof ball, -1) != 0) wrong("cannot send");
}

/* The sender. */
static rove_address take(rove_mailbox *box) {
    unsigned char ball;
    rove_letter letter;
    if (rove_receive(box, NULL, &ball, sizeof ball, &letter, 0, -1) != 1) wrong("cannot receive");
    return letter.sender;
}

static void compute(long us) {
    struct timespec begun, now;
    clock_gettime(CLOCK_MONOTONIC, &begun);
    do
        clock_gettime(CLOCK_MONOTONIC, &now);
    while ((now.tv_sec - begun.tv_sec) * 1000000 + (now.tv_nsec - begun.tv_nsec) / 1000 < us);
}

int main(void) {
    int address[2];
    if (pipe(address) != 0) wrong("no pipe");
    pid_t child = fork();
    if (child < 0) wrong("no child");
    if (child == 0) prctl(PR_SET_PDEATHSIG, SIGKILL);
    rove_mailbox *box = rove_open(0);
    if (box == NULL) wrong("no mailbox");
    rove_address other;
    if (child == 0) {
        rove_own_address(box, &other);
        if (write(address[1], &other, sizeof other) != sizeof other) wrong("cannot write");
    } else {
        if (read(address[0], &other, sizeof other) != sizeof other) wrong("cannot read");
        printf("%d %d\n", getpid(), child);
        fflush(stdout);
        hand_over(box, &other);
    }
    for (unsigned turn = 1;; ++turn) {
        other = take(box);
        compute(50);
        if (turn % 20 == 0) usleep(1000);
        hand_over(box, &other);
    }
}
