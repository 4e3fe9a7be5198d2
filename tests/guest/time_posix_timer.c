// SPDX-License-Identifier: Apache-2.0
// time_posix_timer: timer_create with a signal and its value, to a chosen thread and with a thread of its own; overruns; delete.
// libs: -lrt
#include "guest.h"

static volatile int count, value, thread_value;
static volatile pid_t where;
static void handler(int number, siginfo_t* info, void* context) {
    (void)context, (void)number;
    if (info->si_code != SI_TIMER) _exit(8);
    value = info->si_value.sival_int;
    where = (pid_t)syscall(SYS_gettid);
    count++;
}
static void notified(union sigval v) { __atomic_store_n(&thread_value, v.sival_int, __ATOMIC_SEQ_CST); }

int main(void) {
    on_signal(SIGRTMIN + 3, handler, SA_RESTART);
    for (long i = 0; again(i, 5); i++) {
        timer_t timer;
        struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + 3, .sigev_value.sival_int = 77};
        struct itimerspec it = {{0, 5000000}, {0, 5000000}}, left;
        count = 0;
        must(timer_create(CLOCK_MONOTONIC, &event, &timer));
        must(timer_settime(timer, 0, &it, NULL));
        while (count < 3) spin(1000);
        equal(value, 77);
        must(timer_gettime(timer, &left));
        equal(left.it_interval.tv_nsec, 5000000);
        must(timer_delete(timer));
        event.sigev_notify = SIGEV_THREAD_ID;
        event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
        event.sigev_value.sival_int = 78;
        where = 0, count = 0;
        it.it_interval.tv_nsec = 0;
        must(timer_create(CLOCK_MONOTONIC, &event, &timer));
        must(timer_settime(timer, 0, &it, NULL));
        while (count < 1) spin(1000);
        equal(where, syscall(SYS_gettid));
        must(timer_delete(timer));
        struct sigevent by_thread = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = notified};
        by_thread.sigev_value.sival_int = (int)i + 1;
        thread_value = 0;
        must(timer_create(CLOCK_REALTIME, &by_thread, &timer));
        must(timer_settime(timer, 0, &it, NULL));
        while (__atomic_load_n(&thread_value, __ATOMIC_SEQ_CST) != (int)i + 1) {
            struct timespec t = {0, 1000000};
            nanosleep(&t, NULL);
        }
        must(timer_delete(timer));
        wants(EINVAL, timer_gettime(timer, &left));
    }
    pass();
}
