// SPDX-License-Identifier: Apache-2.0
// group_children: children come and go, one shares with its own child as well, and a robust mutex tells of one that was killed with it.
// may: stay home
#include "guest.h"
#include <semaphore.h>

struct shared {
    pthread_mutex_t robust;
    sem_t locked;
    int numbers[1024];
};
struct inner {
    sem_t done;
    int number;
};

static struct shared* s;

// A child with a child of its own, and memory that only those two share.
static _Noreturn void be_in_the_middle(long round) {
    struct inner* in = must(mmap(NULL, sizeof *in, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    must(sem_init(&in->done, 1, 0));
    pid_t last = must(fork());
    if (last == 0) {
        in->number = (int)round;
        s->numbers[1] = (int)round + 1;
        must(sem_post(&in->done));
        _exit(0);
    }
    must(sem_wait(&in->done));
    s->numbers[0] = in->number;
    exits_well(last);
    _exit(0);
}

int main(void) {
    s = must(mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    pthread_mutexattr_t kind;
    zero(pthread_mutexattr_init(&kind));
    zero(pthread_mutexattr_setpshared(&kind, PTHREAD_PROCESS_SHARED));
    zero(pthread_mutexattr_setrobust(&kind, PTHREAD_MUTEX_ROBUST));
    zero(pthread_mutex_init(&s->robust, &kind));
    must(sem_init(&s->locked, 1, 0));
    for (long round = 0; again(round, 10); round++) {
        pid_t child = must(fork());
        if (child == 0) be_in_the_middle(round);
        exits_well(child);
        equal(s->numbers[0], round);
        equal(s->numbers[1], round + 1);

        child = must(fork());
        if (child == 0) {
            zero(pthread_mutex_lock(&s->robust));
            must(sem_post(&s->locked));
            for (;;) pause();
        }
        must(sem_wait(&s->locked));
        equal(pthread_mutex_trylock(&s->robust), EBUSY);
        must(kill(child, SIGKILL));
        equal(WTERMSIG(wait_for(child)), SIGKILL);
        equal(pthread_mutex_lock(&s->robust), EOWNERDEAD);
        zero(pthread_mutex_consistent(&s->robust));
        zero(pthread_mutex_unlock(&s->robust));
    }
    pass();
}
