// SPDX-License-Identifier: Apache-2.0
// time_itimer: setitimer and alarm fire as often as they should, getitimer counts down, the interval stays.
#include "guest.h"

static volatile int fired, profiled;
static void handler(int number, siginfo_t* info, void* context) {
    (void)context;
    if (info->si_code != SI_KERNEL) _exit(9);
    if (number == SIGALRM) fired++;
    else profiled++;
}
int main(void) {
    on_signal(SIGALRM, handler, SA_RESTART);
    on_signal(SIGVTALRM, handler, SA_RESTART);
    for (long i = 0; again(i, 3); i++) {
        struct itimerval it = {{0, 10000}, {0, 20000}}, old;
        fired = 0;
        int64_t start = now_ns();
        must(setitimer(ITIMER_REAL, &it, NULL));
        while (fired < 3) spin(1000);
        took(start, 40);
        must(getitimer(ITIMER_REAL, &old));
        check(old.it_interval.tv_sec == 0 && old.it_interval.tv_usec == 10000);
        memset(&it, 0, sizeof it);
        must(setitimer(ITIMER_REAL, &it, &old));
        check(old.it_interval.tv_usec == 10000);
        must(getitimer(ITIMER_REAL, &old));
        check(old.it_value.tv_sec == 0 && old.it_value.tv_usec == 0);
        int seen = fired;
        spin(100000);
        equal(fired, seen);
        equal(alarm(100), 0);
        unsigned rest = alarm(0);
        check(rest == 100 || rest == 99, "alarm left %u", rest);
        it.it_value.tv_usec = 10000; // virtual time: only computing counts
        profiled = 0;
        must(setitimer(ITIMER_VIRTUAL, &it, NULL));
        while (profiled == 0) spin(1000);
        it.it_value.tv_sec = 1000;
        must(setitimer(ITIMER_REAL, &it, NULL)); // sleeping does not end for a timer far ahead
        struct timespec t = {0, 10000000};
        must(nanosleep(&t, NULL));
        memset(&it, 0, sizeof it);
        must(setitimer(ITIMER_REAL, &it, NULL));
    }
    pass();
}
