// SPDX-License-Identifier: Apache-2.0
// process_exec_pending: a signal that is pending at an exec is pending after it; what had a handler is not blocked then.
// may: stay home
#include "guest.h"

static void handler(int n, siginfo_t* info, void* context) { (void)n, (void)info, (void)context; }
static void compute(int ms) { // without a call that anybody would have to perform
    struct timespec now, until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += ms * 1000000l;
    if (until.tv_nsec >= 1000000000) until.tv_sec++, until.tv_nsec -= 1000000000;
    do clock_gettime(CLOCK_MONOTONIC, &now);
    while (now.tv_sec < until.tv_sec || (now.tv_sec == until.tv_sec && now.tv_nsec < until.tv_nsec));
}
int main(int argc, char** argv) {
    int stage = argc > 1 ? atoi(argv[1]) : 0;
    sigset_t set;
    if (stage > 0) {
        exits_well(atoi(argv[2])); // on a busy machine it may have been late
        must(sigpending(&set));
        equal(sigismember(&set, SIGUSR1), 1);
        must(sigprocmask(SIG_SETMASK, NULL, &set));
        for (int n = 1; n < 32; n++) check(sigismember(&set, n) == (n == SIGUSR1), "signal %d", n);
        int got;
        sigemptyset(&set);
        sigaddset(&set, SIGUSR1);
        zero(sigwait(&set, &got));
        equal(got, SIGUSR1);
        if (!again(stage, 4)) pass();
        must(sigprocmask(SIG_UNBLOCK, &set, NULL));
    }
    on_signal(SIGUSR1, handler, 0);
    on_signal(SIGUSR2, handler, 0);
    on_signal(SIGTERM, handler, 0);
    int ends[2];
    must(pipe(ends));
    pid_t child = must(fork());
    if (child == 0) {
        char c;
        close(ends[1]);
        (void)!read(ends[0], &c, 1); // the parent is about to compute
        usleep(10000);
        must(kill(getppid(), SIGUSR1));
        _exit(0);
    }
    close(ends[0]);
    char number[20], pid[20];
    snprintf(number, sizeof number, "%d", stage + 1);
    snprintf(pid, sizeof pid, "%d", (int)child);
    close(ends[1]);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    must(sigprocmask(SIG_BLOCK, &set, NULL));
    compute(60);
    must(execl("/proc/self/exe", argv[0], number, pid, (char*)NULL));
}
