// SPDX-License-Identifier: Apache-2.0
// threads_sparse: of a hundred threads only the last made goes on, and it is moved with the process like any other.
#include "guest.h"

enum { threads = 100 };
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER, last_gate = PTHREAD_MUTEX_INITIALIZER;
static volatile long turns;

static void* passes(void* argument) {
    zero(pthread_mutex_lock(&gate));
    zero(pthread_mutex_unlock(&gate));
    return argument;
}

static void* goes_on(void* argument) {
    while (pthread_mutex_trylock(&last_gate) != 0) {
        turns++;
        must(getppid());
    }
    zero(pthread_mutex_unlock(&last_gate));
    return argument;
}

int main(void) {
    pthread_attr_t small;
    pthread_t all[threads];
    zero(pthread_attr_init(&small));
    zero(pthread_attr_setstacksize(&small, 64 << 10));
    for (long i = 0; again(i, 6); i++) {
        zero(pthread_mutex_lock(&gate));
        zero(pthread_mutex_lock(&last_gate));
        for (int k = 0; k < threads; k++) zero(pthread_create(&all[k], &small, k + 1 < threads ? passes : goes_on, NULL));
        zero(pthread_mutex_unlock(&gate));
        for (int k = 0; k + 1 < threads; k++) zero(pthread_join(all[k], NULL));
        for (long before = turns; turns < before + 200;) must(getppid()); // alone with the last one
        zero(pthread_mutex_unlock(&last_gate));
        zero(pthread_join(all[threads - 1], NULL));
    }
    pass();
}
