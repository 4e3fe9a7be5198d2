// SPDX-License-Identifier: Apache-2.0
// threads_mutex: mutexes (plain, recursive, error checking), condition variables and rwlocks keep four threads in order.
#include "guest.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static pthread_rwlock_t rw = PTHREAD_RWLOCK_INITIALIZER;
static long counter, turn, shared[2];
static bool over;
static void* counting(void* arg) {
    while (!__atomic_load_n(&over, __ATOMIC_SEQ_CST)) {
        for (int k = 0; k < 100; k++) {
            pthread_mutex_lock(&mutex);
            counter++;
            pthread_mutex_unlock(&mutex);
            __atomic_add_fetch((long*)arg, 1, __ATOMIC_SEQ_CST);
            pthread_rwlock_rdlock(&rw);
            equal(shared[0], shared[1]);
            pthread_rwlock_unlock(&rw);
        }
        pthread_rwlock_wrlock(&rw);
        shared[0]++, shared[1]++;
        pthread_rwlock_unlock(&rw);
    }
    return NULL;
}
static void* answering(void* arg) {
    (void)arg;
    pthread_mutex_lock(&mutex);
    for (;;) {
        while (turn % 2 == 0 && !over) pthread_cond_wait(&cond, &mutex);
        if (over) break;
        turn++;
        pthread_cond_broadcast(&cond);
    }
    pthread_mutex_unlock(&mutex);
    return NULL;
}
int main(void) {
    long counted = 0;
    pthread_t t[3], a;
    for (int k = 0; k < 3; k++) zero(pthread_create(&t[k], NULL, counting, &counted));
    zero(pthread_create(&a, NULL, answering, NULL));
    pthread_mutexattr_t attr;
    pthread_mutexattr_init(&attr);
    pthread_mutex_t recursive, checking;
    zero(pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE));
    zero(pthread_mutex_init(&recursive, &attr));
    zero(pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK));
    zero(pthread_mutex_init(&checking, &attr));
    for (long i = 0; again(i, 100); i++) {
        pthread_mutex_lock(&mutex);
        long before = turn;
        turn++;
        pthread_cond_broadcast(&cond);
        while (turn != before + 2) pthread_cond_wait(&cond, &mutex);
        pthread_mutex_unlock(&mutex);
        zero(pthread_mutex_lock(&recursive));
        zero(pthread_mutex_lock(&recursive));
        zero(pthread_mutex_unlock(&recursive));
        zero(pthread_mutex_unlock(&recursive));
        equal(pthread_mutex_unlock(&recursive), EPERM);
        zero(pthread_mutex_lock(&checking));
        equal(pthread_mutex_lock(&checking), EDEADLK);
        zero(pthread_mutex_unlock(&checking));
    }
    pthread_mutex_lock(&mutex);
    __atomic_store_n(&over, true, __ATOMIC_SEQ_CST);
    pthread_cond_broadcast(&cond);
    pthread_mutex_unlock(&mutex);
    for (int k = 0; k < 3; k++) zero(pthread_join(t[k], NULL));
    zero(pthread_join(a, NULL));
    equal(counter, counted);
    pass();
}
