// SPDX-License-Identifier: Apache-2.0
// signal_longjmp: siglongjmp out of a handler, out of blocked reads and out of loops, restores mask and registers.
#include "guest.h"
#include <setjmp.h>

static sigjmp_buf back;
static void handler(int n, siginfo_t* info, void* context) {
    (void)info, (void)context;
    siglongjmp(back, n);
}
int main(void) {
    on_signal(SIGALRM, handler, 0);
    on_signal(SIGUSR1, handler, 0);
    int pipes[2];
    must(pipe(pipes));
    for (volatile long i = 0; again(i, 15); i++) {
        struct itimerval it = {{0, 0}, {0, 5000}};
        char c;
        volatile double kept = 1.25 * (double)i;
        int r = sigsetjmp(back, 1);
        if (r == 0) {
            must(setitimer(ITIMER_REAL, &it, NULL));
            check(read(pipes[0], &c, 1) == 99, "read returned");
        }
        equal(r, SIGALRM);
        r = sigsetjmp(back, 1);
        if (r == 0) {
            must(setitimer(ITIMER_REAL, &it, NULL));
            for (;;) spin(100);
        }
        equal(r, SIGALRM);
        r = sigsetjmp(back, 1);
        if (r == 0) raise(SIGUSR1);
        equal(r, SIGUSR1);
        check(kept == 1.25 * (double)i);
        sigset_t mask;
        must(sigprocmask(SIG_SETMASK, NULL, &mask));
        check(!sigismember(&mask, SIGALRM) && !sigismember(&mask, SIGUSR1), "the mask was not restored");
    }
    pass();
}
