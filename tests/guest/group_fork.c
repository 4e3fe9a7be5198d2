// SPDX-License-Identifier: Apache-2.0
// group_fork: a process and its children share anonymous memory: bytes, atomics, and mutexes, conditions and semaphores in it.
// may: stay home
#include "guest.h"
#include <semaphore.h>
#include <stdatomic.h>

enum { children = 2, pages = 16 };
struct shared {
    pthread_mutex_t lock;
    pthread_cond_t turned;
    long turn, done, rounds; // under lock: whose turn it is, how many have answered
    sem_t go, back;
    atomic_long counter;
    unsigned char bytes[pages][4096];
};

static void prepare(struct shared* s) {
    pthread_mutexattr_t of_mutex;
    pthread_condattr_t of_condition;
    zero(pthread_mutexattr_init(&of_mutex));
    zero(pthread_mutexattr_setpshared(&of_mutex, PTHREAD_PROCESS_SHARED));
    zero(pthread_mutex_init(&s->lock, &of_mutex));
    zero(pthread_condattr_init(&of_condition));
    zero(pthread_condattr_setpshared(&of_condition, PTHREAD_PROCESS_SHARED));
    zero(pthread_cond_init(&s->turned, &of_condition));
    must(sem_init(&s->go, 1, 0));
    must(sem_init(&s->back, 1, 0));
}

// A round as a child sees it: its page gets the round's pattern, and everybody is told.
static _Noreturn void serve(struct shared* s, int me) {
    for (long round = 0;; round++) {
        zero(pthread_mutex_lock(&s->lock));
        while (s->turn == round) zero(pthread_cond_wait(&s->turned, &s->lock));
        bool over = s->turn < 0;
        zero(pthread_mutex_unlock(&s->lock));
        if (over) _exit(0);
        for (int page = me; page < pages; page += children) fill(s->bytes[page], 4096, (uint32_t)(round * pages + page));
        atomic_fetch_add(&s->counter, 1);
        zero(pthread_mutex_lock(&s->lock));
        s->done++;
        zero(pthread_cond_broadcast(&s->turned));
        zero(pthread_mutex_unlock(&s->lock));
    }
}

int main(void) {
    struct shared* s = must(mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    prepare(s);
    pid_t child[children];
    for (int i = 0; i < children; i++) {
        child[i] = must(fork());
        if (child[i] == 0) serve(s, i);
    }
    unsigned char expected[4096];
    for (long round = 0; again(round, 60); round++) {
        zero(pthread_mutex_lock(&s->lock));
        s->done = 0;
        s->turn = round + 1;
        zero(pthread_cond_broadcast(&s->turned));
        while (s->done < children) zero(pthread_cond_wait(&s->turned, &s->lock));
        zero(pthread_mutex_unlock(&s->lock));
        equal(atomic_load(&s->counter), (round + 1) * children);
        for (int page = 0; page < pages; page++) {
            fill(expected, 4096, (uint32_t)(round * pages + page));
            check(memcmp(expected, s->bytes[page], 4096) == 0, "page %d of round %ld", page, round);
        }
    }
    zero(pthread_mutex_lock(&s->lock));
    s->turn = -1;
    zero(pthread_cond_broadcast(&s->turned));
    zero(pthread_mutex_unlock(&s->lock));
    for (int i = 0; i < children; i++) exits_well(child[i]);
    pass();
}
