// SPDX-License-Identifier: Apache-2.0
// threads_crowd: more threads than can be served from afar are made all the same, and wait, and end.
#include "guest.h"

enum { count = 1100 };
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static long open_round;
static void* waiting(void* arg) {
    zero(pthread_mutex_lock(&mutex));
    while (open_round < (long)arg) zero(pthread_cond_wait(&cond, &mutex));
    zero(pthread_mutex_unlock(&mutex));
    return arg;
}
int main(void) {
    static pthread_t threads[count];
    pthread_attr_t attr;
    zero(pthread_attr_init(&attr));
    zero(pthread_attr_setstacksize(&attr, 65536));
    for (long i = 1; again(i - 1, 9); i++) {
        int made = i % 8 == 2 ? count : 10; // between crowds it can be moved
        spin(20000);
        for (int k = 0; k < made; k++) zero(pthread_create(&threads[k], &attr, waiting, (void*)i));
        zero(pthread_mutex_lock(&mutex));
        open_round = i;
        zero(pthread_cond_broadcast(&cond));
        zero(pthread_mutex_unlock(&mutex));
        for (int k = 0; k < made; k++) {
            void* result;
            zero(pthread_join(threads[k], &result));
            equal((long)result, i);
        }
    }
    pass();
}
