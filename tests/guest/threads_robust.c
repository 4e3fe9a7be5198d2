// SPDX-License-Identifier: Apache-2.0
// threads_robust: a robust mutex whose owner thread ends is handed on with EOWNERDEAD; priority inheritance mutexes work.
#include "guest.h"

static pthread_mutex_t robust, inherit;
static void* dies_with_it(void* arg) {
    zero(pthread_mutex_lock(&robust));
    return arg;
}
static long counter;
static void* counts(void* arg) {
    for (int k = 0; k < 300; k++) {
        zero(pthread_mutex_lock(&inherit));
        counter++;
        zero(pthread_mutex_unlock(&inherit));
    }
    return arg;
}
int main(void) {
    pthread_mutexattr_t attr;
    zero(pthread_mutexattr_init(&attr));
    zero(pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT));
    zero(pthread_mutex_init(&inherit, &attr));
    zero(pthread_mutexattr_init(&attr));
    zero(pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST));
    for (long i = 0; again(i, 40); i++) {
        zero(pthread_mutex_init(&robust, &attr));
        pthread_t t, u;
        zero(pthread_create(&t, NULL, dies_with_it, NULL));
        zero(pthread_join(t, NULL));
        equal(pthread_mutex_lock(&robust), EOWNERDEAD);
        zero(pthread_mutex_consistent(&robust));
        zero(pthread_mutex_unlock(&robust));
        zero(pthread_mutex_lock(&robust));
        zero(pthread_mutex_unlock(&robust));
        counter = 0;
        zero(pthread_create(&t, NULL, counts, NULL));
        zero(pthread_create(&u, NULL, counts, NULL));
        zero(pthread_join(t, NULL));
        zero(pthread_join(u, NULL));
        equal(counter, 600);
    }
    pass();
}
