// SPDX-License-Identifier: Apache-2.0
// signal_mask_threads: what a thread has blocked, without a word to anybody since, neither ends the process nor comes to that thread.
//
// SIGUSR1 has its default action, SIGUSR2 a handler. The first thread blocks both and waits in memory; the other one then
// sends the first SIGUSR1, which stays pending, and the process SIGUSR2, which it must get itself.
#include "guest.h"

static _Atomic long blocked, done;
static _Atomic int taken_by;

static void handler(int number, siginfo_t* info, void* context) {
    (void)number, (void)info, (void)context;
    taken_by = (int)syscall(SYS_gettid);
}

static void wait_until(_Atomic long* counter, long value) {
    int64_t start = now_ns();
    while (*counter < value) {
        check(now_ns() - start < 20000000000);
        sched_yield();
    }
}

static void* sender(void* first) {
    for (long i = 1;; i++) {
        wait_until(&blocked, i);
        if (blocked == LONG_MAX) return NULL;
        zero(pthread_kill(*(pthread_t*)first, SIGUSR1));
        taken_by = 0;
        must(kill(getpid(), SIGUSR2));
        int64_t start = now_ns();
        while (taken_by == 0) check(now_ns() - start < 20000000000);
        equal(taken_by, syscall(SYS_gettid));
        done = i;
    }
}

int main(void) {
    on_signal(SIGUSR2, handler, 0);
    pthread_t self = pthread_self(), other;
    zero(pthread_create(&other, NULL, sender, &self));
    sigset_t both, one;
    sigemptyset(&one);
    sigaddset(&one, SIGUSR1);
    both = one;
    sigaddset(&both, SIGUSR2);
    long i = 1;
    for (; again(i - 1, 40); i++) {
        must(sigprocmask(SIG_BLOCK, &both, NULL));
        blocked = i;
        wait_until(&done, i);
        struct timespec const none = {0, 0};
        equal(sigtimedwait(&one, NULL, &none), SIGUSR1);
        wants(EAGAIN, sigtimedwait(&both, NULL, &none));
        must(sigprocmask(SIG_UNBLOCK, &both, NULL));
    }
    blocked = LONG_MAX;
    zero(pthread_join(other, NULL));
    pass();
}
