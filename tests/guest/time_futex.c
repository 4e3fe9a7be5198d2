// SPDX-License-Identifier: Apache-2.0
// time_futex: timed waits on futexes, condition variables, semaphores and mutexes end in time and say ETIMEDOUT.
#include "guest.h"
#include <linux/futex.h>
#include <semaphore.h>

static struct timespec in_ms(clockid_t id, long ms) {
    struct timespec t;
    clock_gettime(id, &t);
    t.tv_nsec += ms * 1000000;
    t.tv_sec += t.tv_nsec / 1000000000;
    t.tv_nsec %= 1000000000;
    return t;
}
int main(void) {
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t cond;
    pthread_condattr_t attr;
    zero(pthread_condattr_init(&attr));
    zero(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC));
    zero(pthread_cond_init(&cond, &attr));
    sem_t sem;
    must(sem_init(&sem, 0, 0));
    for (long i = 0; again(i, 4); i++) {
        int word = 5;
        struct timespec t = {0, 30000000};
        int64_t start = now_ns();
        wants(ETIMEDOUT, syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 5, &t, NULL, 0));
        took(start, 30);
        wants(EAGAIN, syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 6, &t, NULL, 0));
        wants(EINVAL, syscall(SYS_futex, (char*)&word + 1, FUTEX_WAIT_PRIVATE, 5, &t, NULL, 0));
        start = now_ns();
        zero(pthread_mutex_lock(&mutex));
        struct timespec at = in_ms(CLOCK_MONOTONIC, 30);
        equal(pthread_cond_timedwait(&cond, &mutex, &at), ETIMEDOUT);
        zero(pthread_mutex_unlock(&mutex));
        took(start, 30);
        at = in_ms(CLOCK_REALTIME, 30);
        start = now_ns();
        wants(ETIMEDOUT, sem_timedwait(&sem, &at));
        check(now_ns() - start > 25000000, "sem_timedwait was cut short");
        must(sem_post(&sem));
        must(sem_timedwait(&sem, &at));
    }
    pass();
}
