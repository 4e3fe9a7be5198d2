// SPDX-License-Identifier: Apache-2.0
// process_newborn: what a child does first, whatever it is: end, be killed, get a signal, compute, open or close descriptors; numbers are the lowest free ones in both.
#include "guest.h"

static volatile int handled;
static void handler(int n, siginfo_t* info, void* context) {
    (void)n, (void)info, (void)context;
    handled++;
}

static int lowest_free(void) {
    int fd = must(dup(0));
    must(close(fd));
    return fd;
}

static pid_t forked(void) {
    return must(fork());
}

int main(void) {
    on_signal(SIGUSR1, handler, 0);
    int const lowest = lowest_free();
    for (long i = 0; again(i, 15); i++) {
        pid_t child = forked();
        if (child == 0) _exit(0);
        equal(lowest_free(), lowest);
        exits_well(child);

        child = forked();
        if (child == 0) { // its first call
            equal(dup(0), lowest);
            equal(dup(0), lowest + 1);
            _exit(0);
        }
        exits_well(child);

        child = forked();
        if (child == 0) { // all but what it has been given is closed
            must((int)syscall(SYS_close_range, 3, ~0u, 0));
            equal(dup(0), 3);
            _exit(0);
        }
        exits_well(child);

        child = forked();
        if (child == 0) { // longer than its home half waits for a first word
            spin(20000000);
            equal(dup(0), lowest);
            _exit(0);
        }
        exits_well(child);

        child = forked();
        if (child == 0) { // a signal that comes before the first word, or with it, or after it
            while (handled == 0)
                spin(1000);
            _exit(handled == 1 ? 0 : 1);
        }
        must(kill(child, SIGUSR1));
        exits_well(child);
        equal(handled, 0);

        child = forked();
        if (child == 0) _exit(0);
        must(kill(child, SIGUSR1)); // it may have gone by then, or it ends twice
        equal(wait_for(child), 0);

        child = forked();
        if (child == 0)
            for (;;)
                spin(1000000);
        must(kill(child, SIGKILL));
        equal(wait_for(child), SIGKILL);

        child = forked();
        if (child == 0) { // its own child's table is a copy of its own
            must(dup(0));
            pid_t grandchild = forked();
            if (grandchild == 0) _exit(dup(0) == lowest + 1 ? 0 : 1);
            exits_well(grandchild);
            _exit(0);
        }
        exits_well(child);
        equal(lowest_free(), lowest);
    }
    pass();
}
