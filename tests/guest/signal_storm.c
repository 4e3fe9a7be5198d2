// SPDX-License-Identifier: Apache-2.0
// signal_storm: a timer interrupts calls and computing every two milliseconds; no result is disturbed.
#include "guest.h"

static volatile long ticks;
static void handler(int n, siginfo_t* info, void* context) {
    (void)n, (void)info, (void)context;
    int kept = errno;
    volatile double x = 3.5;
    ticks += (long)(x / 3.5);
    if (getppid() < 0) _exit(1); // a call inside
    errno = kept;
}
int main(void) {
    on_signal(SIGALRM, handler, SA_RESTART);
    struct itimerval it = {{0, 2000}, {0, 2000}};
    must(setitimer(ITIMER_REAL, &it, NULL));
    int p[2];
    must(pipe(p));
    uint64_t first = spin(50000);
    char block[3000], back[3000];
    for (long i = 0; again(i, 60) || ticks == 0; i++) {
        fill(block, sizeof block, (uint32_t)i);
        equal(write(p[1], block, sizeof block), sizeof block);
        equal(read(p[0], back, sizeof back), sizeof back);
        check(memcmp(block, back, sizeof back) == 0);
        check(spin(50000) == first, "a computation was disturbed");
        int fd = must(open("/proc/self/stat", O_RDONLY));
        check(read(fd, back, sizeof back) > 0);
        must(close(fd));
    }
    check(ticks > 0);
    pass();
}
