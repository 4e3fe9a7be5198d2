// SPDX-License-Identifier: Apache-2.0
// threads_many: fifty threads, each blocked or computing, each with its own registers, mask, stack and errno.
#include "guest.h"

enum { count = 50 };
static int go, rounds_done[count];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static int stop, epoch;
static void* thread(void* arg) {
    long n = (long)arg;
    sigset_t mask, got;
    sigemptyset(&mask);
    sigaddset(&mask, SIGRTMIN + (int)(n % 20));
    zero(pthread_sigmask(SIG_SETMASK, &mask, NULL));
    int seen = 0;
    for (;;) {
        errno = (int)n + 1000;
        pthread_mutex_lock(&mutex);
        while (epoch == seen && !stop) pthread_cond_wait(&cond, &mutex);
        seen = epoch;
        pthread_mutex_unlock(&mutex);
        if (stop) return NULL;
        double x = (double)n;
        for (int k = 0; k < 200; k++) x = x * 1.0000001 + 0.5;
        check(x > (double)n);
        equal(errno, n + 1000);
        zero(pthread_sigmask(SIG_SETMASK, NULL, &got));
        for (int s = SIGRTMIN; s < SIGRTMIN + 20; s++) equal(sigismember(&got, s), s == SIGRTMIN + (int)(n % 20));
        rounds_done[n]++;
        __atomic_add_fetch(&go, 1, __ATOMIC_SEQ_CST);
    }
}
int main(void) {
    pthread_t t[count];
    pthread_attr_t attr;
    zero(pthread_attr_init(&attr));
    zero(pthread_attr_setstacksize(&attr, 256 * 1024));
    for (long n = 0; n < count; n++) zero(pthread_create(&t[n], &attr, thread, (void*)n));
    long rounds = 0;
    for (long i = 0; again(i, 20); i++, rounds++) {
        pthread_mutex_lock(&mutex);
        go = 0, epoch++;
        pthread_cond_broadcast(&cond);
        pthread_mutex_unlock(&mutex);
        while (__atomic_load_n(&go, __ATOMIC_SEQ_CST) < count) sched_yield();
    }
    pthread_mutex_lock(&mutex);
    stop = 1;
    pthread_cond_broadcast(&cond);
    pthread_mutex_unlock(&mutex);
    for (int n = 0; n < count; n++) {
        zero(pthread_join(t[n], NULL));
        equal(rounds_done[n], rounds);
    }
    pass();
}
