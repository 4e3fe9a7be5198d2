// SPDX-License-Identifier: Apache-2.0
// signal_wait: sigwait, sigwaitinfo and sigtimedwait take pending signals with their siginfo and time out otherwise.
#include "guest.h"

int main(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGRTMIN + 1);
    sigaddset(&set, SIGCHLD);
    must(sigprocmask(SIG_BLOCK, &set, NULL));
    for (long i = 0; again(i, 30); i++) {
        siginfo_t info;
        union sigval v = {.sival_int = (int)i * 3};
        must(sigqueue(getpid(), SIGRTMIN + 1, v));
        must(kill(getpid(), SIGUSR1));
        equal(sigwaitinfo(&set, &info), SIGUSR1); // the lowest number first
        equal(info.si_code, SI_USER);
        equal(info.si_pid, getpid());
        equal(sigwaitinfo(&set, &info), SIGRTMIN + 1);
        equal(info.si_value.sival_int, (int)i * 3);
        struct timespec t = {0, 5000000};
        int64_t start = now_ns();
        wants(EAGAIN, sigtimedwait(&set, &info, &t));
        took(start, 5);
        pid_t child = must(fork());
        if (child == 0) _exit(5);
        int got;
        zero(sigwait(&set, &got));
        equal(got, SIGCHLD);
        int status = wait_for(child);
        check(WIFEXITED(status) && WEXITSTATUS(status) == 5);
    }
    pass();
}
