// SPDX-License-Identifier: Apache-2.0
// death_signals: a parent sees by which signal its child ended, and whether it was one that dumps core.
#include "guest.h"
#include <sys/prctl.h>

int main(void) {
    int const all[] = {SIGHUP, SIGINT,  SIGQUIT, SIGILL,  SIGTRAP,   SIGABRT, SIGBUS,  SIGFPE,  SIGKILL,  SIGUSR1,   SIGSEGV,    SIGUSR2,
                       SIGPIPE, SIGALRM, SIGTERM, SIGXCPU, SIGVTALRM, SIGPROF, SIGPOLL, SIGSYS, SIGRTMIN, SIGRTMAX};
    struct rlimit none = {0, 0};
    must(setrlimit(RLIMIT_CORE, &none));
    for (long i = 0; again(i, 2); i++) {
        for (unsigned k = 0; k < sizeof all / sizeof all[0]; k++) {
            pid_t child = must(fork());
            if (child == 0) {
                if (k % 2) kill(getpid(), all[k]);
                else raise(all[k]);
                _exit(1);
            }
            int status = wait_for(child);
            check(WIFSIGNALED(status) && WTERMSIG(status) == all[k], "signal %d: status %x", all[k], status);
            check(!WCOREDUMP(status), "signal %d: a core flag although the limit is zero", all[k]);
        }
        // Faults of the program itself, not sent by anybody.
        for (int k = 0; k < 4; k++) {
            pid_t child = must(fork());
            if (child == 0) {
                volatile int zero_value = 0;
                if (k == 0) *(volatile int*)16 = 1;
                if (k == 1) __asm__ volatile("ud2");
                if (k == 2) __asm__ volatile("int3");
                if (k == 3) __asm__ volatile("idivl %0" ::"m"(zero_value), "a"(1), "d"(0));
                _exit(1);
            }
            int const expected[] = {SIGSEGV, SIGILL, SIGTRAP, SIGFPE};
            int status = wait_for(child);
            check(WIFSIGNALED(status) && WTERMSIG(status) == expected[k], "fault %d: status %x", k, status);
        }
    }
    pass();
}
