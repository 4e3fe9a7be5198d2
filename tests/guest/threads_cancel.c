// SPDX-License-Identifier: Apache-2.0
// threads_cancel: pthread_cancel ends threads that read, sleep, wait, poll or compute; their cleanup runs.
#include "guest.h"
#include <poll.h>
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
static void* polling(void* arg) {
    struct pollfd one = {pipes[0], POLLIN, 0};
    pthread_cleanup_push(clean, arg);
    sem_post(&begun);
    if (poll(&one, 1, 1000000) >= 0) fail("poll returned");
    pthread_cleanup_pop(0);
    return NULL;
}
static void* timing(void* arg) {
    sem_t never;
    struct timespec until;
    sem_init(&never, 0, 0);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 1000;
    pthread_cleanup_push(clean, arg);
    sem_post(&begun);
    if (sem_timedwait(&never, &until) == 0) fail("sem_timedwait returned");
    pthread_cleanup_pop(0);
    return NULL;
}
int main(void) {
    must(pipe(pipes));
    must(sem_init(&begun, 0, 0));
    enum { kinds = 6 };
    void* (*const kind[])(void*) = {reading, sleeping, waiting, computing, polling, timing};
    for (long i = 0; again(i, 30); i++) {
        pthread_t t[kinds];
        cleaned = 0;
        for (long k = 0; k < kinds; k++) zero(pthread_create(&t[k], NULL, kind[k], (void*)(1L << k)));
        for (int k = 0; k < kinds; k++) sem_wait(&begun);
        for (int k = 0; k < kinds; k++) zero(pthread_cancel(t[k]));
        for (int k = 0; k < kinds; k++) {
            void* result;
            zero(pthread_join(t[k], &result));
            check(result == PTHREAD_CANCELED);
        }
        equal(cleaned, (1 << kinds) - 1);
    }
    pass();
}
