// SPDX-License-Identifier: Apache-2.0
// time_long_poll: polls that are under way when the process is moved end in time, or with what they were waiting for.
#include "guest.h"
#include <poll.h>

static int never[2], later[2];
static int done;
static void* waits_in_vain(void* arg) {
    struct pollfd p[2] = {{.fd = never[0], .events = POLLIN, .revents = 7}, {.fd = -1, .revents = 7}};
    int64_t begun = now_ns();
    int found = must(poll(p, 2, 800));
    equal(found, 0);
    took(begun, 800);
    equal(p[0].revents, 0);
    equal(p[0].fd, never[0]);
    equal(p[1].revents, 0);
    __atomic_add_fetch(&done, 1, __ATOMIC_SEQ_CST);
    return arg;
}
static void* finds(void* arg) {
    struct pollfd p[70];
    for (int i = 0; i < 70; i++) p[i] = (struct pollfd){.fd = i == 68 ? later[0] : never[0], .events = POLLIN, .revents = 7};
    int found = must(poll(p, 70, -1));
    equal(found, 1);
    for (int i = 0; i < 70; i++) equal(p[i].revents, i == 68 ? POLLIN : 0);
    __atomic_add_fetch(&done, 1, __ATOMIC_SEQ_CST);
    return arg;
}
int main(void) {
    pthread_t vain, finder;
    must(pipe(never));
    must(pipe(later));
    for (long i = 0; again(i, 1); i++) {
        done = 0;
        zero(pthread_create(&vain, NULL, waits_in_vain, NULL));
        zero(pthread_create(&finder, NULL, finds, NULL));
        // Rounds of this thread let the moves strike while the others wait.
        for (long k = 1; __atomic_load_n(&done, __ATOMIC_SEQ_CST) < 1; k++) {
            struct timespec nap = {0, 10000000};
            must(nanosleep(&nap, NULL));
            announce(k);
        }
        zero(pthread_join(vain, NULL));
        equal(write(later[1], "x", 1), 1);
        zero(pthread_join(finder, NULL));
        char byte;
        equal(read(later[0], &byte, 1), 1);
    }
    pass();
}
