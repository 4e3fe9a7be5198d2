// SPDX-License-Identifier: Apache-2.0
// time_clocks: monotonic and boot time never go back, real time agrees between its sources, the vdso agrees with the call.
#include "guest.h"

static int64_t read_ns(clockid_t id, bool by_call) {
    struct timespec t;
    if (by_call)
        must(syscall(SYS_clock_gettime, id, &t));
    else
        must(clock_gettime(id, &t));
    check(t.tv_nsec >= 0 && t.tv_nsec < 1000000000);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}
int main(void) {
    clockid_t const steady[] = {CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_MONOTONIC_RAW};
    clockid_t const coarse[] = {CLOCK_MONOTONIC_COARSE, CLOCK_REALTIME_COARSE};
    int64_t last[3] = {0}, last_coarse[2] = {0}, last_real = 0;
    for (long i = 0; again(i, 300); i++) {
        for (int k = 0; k < 3; k++)
            for (int n = 0; n < 20; n++) {
                int64_t t = read_ns(steady[k], n % 5 == 4);
                check(t >= last[k], "clock %d went back by %lld ns", steady[k], (long long)(last[k] - t));
                last[k] = t;
            }
        for (int k = 0; k < 2; k++) {
            int64_t t = read_ns(coarse[k], false);
            check(t >= last_coarse[k], "coarse clock %d went back", coarse[k]);
            last_coarse[k] = t;
        }
        int64_t a = read_ns(CLOCK_REALTIME, false);
        struct timeval tv;
        must(gettimeofday(&tv, NULL));
        int64_t b = (int64_t)tv.tv_sec * 1000000000 + tv.tv_usec * 1000;
        time_t seconds = time(NULL);
        int64_t c = read_ns(CLOCK_REALTIME, true);
        check(b >= a - 1000000 && c >= b - 1000000, "real time: %lld %lld %lld", (long long)a, (long long)b, (long long)c);
        check(seconds >= a / 1000000000 - 1 && seconds <= c / 1000000000, "time() is off");
        check(a >= last_real - 1000000, "real time went back by %lld ns", (long long)(last_real - a));
        last_real = a;
        struct timespec resolution;
        must(clock_getres(CLOCK_MONOTONIC, &resolution));
        check(resolution.tv_sec == 0 && resolution.tv_nsec == 1);
        wants(EINVAL, clock_gettime(99, &resolution));
    }
    pass();
}
