// SPDX-License-Identifier: Apache-2.0
// time_long_sleep: one long sleep, moved in the middle, is neither cut short nor started again.
#include "guest.h"

static int64_t begun;
static void* sleeper(void* arg) {
    begun = now_ns();
    struct timespec t = {0, 800000000};
    must(nanosleep(&t, NULL));
    took(begun, 800);
    __atomic_store_n((int*)arg, 1, __ATOMIC_SEQ_CST);
    return NULL;
}
int main(void) {
    pthread_t t;
    for (long i = 0; again(i, 1); i++) {
        int done = 0;
        zero(pthread_create(&t, NULL, sleeper, &done));
        // Rounds of this thread let the moves strike while the other one sleeps.
        for (long k = 1; !__atomic_load_n(&done, __ATOMIC_SEQ_CST); k++) {
            struct timespec nap = {0, 10000000};
            must(nanosleep(&nap, NULL));
            announce(k);
        }
        zero(pthread_join(t, NULL));
        check(now_ns() - begun < 4000000000, "the sleep seems to have started again");
    }
    pass();
}
