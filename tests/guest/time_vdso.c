// SPDX-License-Identifier: Apache-2.0
// time_vdso: a thread that does nothing but read clocks is moved in the middle of the kernel's own functions, and none goes back.
#include "guest.h"

static int64_t read_clock(clockid_t clock) {
    struct timespec now;
    must(clock_gettime(clock, &now));
    return now.tv_sec * 1000000000ll + now.tv_nsec;
}

int main(void) {
    clockid_t const clocks[] = {CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_MONOTONIC_COARSE};
    int64_t last[3] = {0, 0, 0};
    struct timeval wall;
    for (long i = 0; again(i, 20); i++) {
        for (int k = 0; k < 20000; k++) {
            for (int c = 0; c < 3; c++) {
                int64_t now = read_clock(clocks[c]);
                check(now >= last[c], "clock %d went back by %ld ns", clocks[c], (long)(last[c] - now));
                last[c] = now;
            }
            must(gettimeofday(&wall, NULL));
            check(wall.tv_usec >= 0 && wall.tv_usec < 1000000, "%ld µs", (long)wall.tv_usec);
            check(time(NULL) >= wall.tv_sec - 1);
        }
    }
    pass();
}
