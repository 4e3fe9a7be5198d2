// SPDX-License-Identifier: Apache-2.0
// threads_cancel: pthread_cancel ends threads that read, sleep, wait or compute; their cleanup runs.
#include "guest.h"
#include <semaphore.h>

static int cleaned;
static sem_t begun;
static void clean(void* arg) { __atomic_add_fetch(&cleaned, (int)(long)arg, __ATOMIC_SEQ_CST); }
static int pipes[2];
static void* reading(void* arg) {
    char c;
    pthread_cleanup_push(clean, arg);
    sem_post(&begun);
    if (read(pipes[0], &c, 1) >= 0) fail("read returned");
    pthread_cleanup_pop(0);
    return NULL;
}
static void* sleeping(void* arg) {
    pthread_cleanup_push(clean, arg);
    sem_post(&begun);
    sleep(1000);
    pthread_cleanup_pop(0);
    return NULL;
}
static void* waiting(void* arg) {
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
    pthread_mutex_lock(&mutex);
    pthread_cleanup_push(clean, arg);
    sem_post(&begun);
    for (;;) pthread_cond_wait(&cond, &mutex);
    pthread_cleanup_pop(0);
    return NULL;
}
static void* computing(void* arg) {
    int old;
    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &old);
    pthread_cleanup_push(clean, arg);
    sem_post(&begun);
    for (;;) spin(100);
    pthread_cleanup_pop(0);
    return NULL;
}
int main(void) {
    must(pipe(pipes));
    must(sem_init(&begun, 0, 0));
    void* (*const kind[])(void*) = {reading, sleeping, waiting, computing};
    for (long i = 0; again(i, 30); i++) {
        pthread_t t[4];
        cleaned = 0;
        for (long k = 0; k < 4; k++) zero(pthread_create(&t[k], NULL, kind[k], (void*)(1L << k)));
        for (int k = 0; k < 4; k++) sem_wait(&begun);
        for (int k = 0; k < 4; k++) zero(pthread_cancel(t[k]));
        for (int k = 0; k < 4; k++) {
            void* result;
            zero(pthread_join(t[k], &result));
            check(result == PTHREAD_CANCELED);
        }
        equal(cleaned, 15);
    }
    pass();
}
