// SPDX-License-Identifier: Apache-2.0
// time_sleep: nanosleep and clock_nanosleep, relative and absolute, take their time; bad arguments are refused.
#include "guest.h"

int main(void) {
    for (long i = 0; again(i, 4); i++) {
        int64_t start = now_ns();
        struct timespec t = {0, 30000000}, rest = {5, 5};
        must(nanosleep(&t, &rest));
        took(start, 30);
        // A stop in the middle, as a move is one, makes the kernel write what was left at that time.
        if (getenv("GUEST_GATE") == NULL) check(rest.tv_sec == 5 && rest.tv_nsec == 5, "the rest was written although nothing was left");
        start = now_ns();
        zero(clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL));
        took(start, 30);
        int64_t until = now_ns() + 30000000;
        struct timespec at = {until / 1000000000, until % 1000000000};
        zero(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL));
        check(now_ns() >= until - 1000000, "woke before the time");
        start = now_ns();
        zero(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL)); // already past
        took(start, 0);
        clock_gettime(CLOCK_REALTIME, &at);
        at.tv_nsec += 20000000;
        if (at.tv_nsec >= 1000000000) at.tv_sec++, at.tv_nsec -= 1000000000;
        zero(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &at, NULL));
        start = now_ns();
        must(usleep(10000));
        took(start, 10);
        t.tv_nsec = 1000000000;
        wants(EINVAL, nanosleep(&t, NULL));
        equal(clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL), EINVAL);
        wants(EFAULT, nanosleep((struct timespec*)8, NULL));
    }
    pass();
}
