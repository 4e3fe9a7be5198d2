// SPDX-License-Identifier: Apache-2.0
// signal_self: kill, raise, tgkill and sigqueue to oneself run the handler before the call returns, with right siginfo.
#include "guest.h"

static volatile sig_atomic_t number, code, value, sender, calls;
static void handler(int n, siginfo_t* info, void* context) {
    (void)context;
    number = n, code = info->si_code, value = info->si_value.sival_int, sender = info->si_pid;
    calls++;
    if (info->si_uid != getuid()) _exit(7);
}
int main(void) {
    int const all[] = {SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGTERM, SIGCHLD, SIGURG, SIGWINCH, SIGIO, SIGPWR,
                       SIGTSTP, SIGTTIN, SIGTTOU, SIGCONT, SIGXCPU, SIGABRT, SIGSEGV, SIGFPE, SIGILL, SIGBUS, SIGTRAP};
    int const kinds = (int)(sizeof all / sizeof all[0]);
    for (int k = 0; k < kinds; k++) on_signal(all[k], handler, 0);
    on_signal(SIGRTMIN, handler, 0);
    on_signal(SIGRTMAX, handler, 0);
    int expected = 0;
    for (long i = 0; again(i, 20); i++) {
        for (int k = 0; k < kinds; k++) {
            must(kill(getpid(), all[k]));
            equal(calls, ++expected);
            equal(number, all[k]);
            equal(code, SI_USER);
            equal(sender, getpid());
            zero(raise(all[k]));
            equal(calls, ++expected);
            equal(code, SI_TKILL);
        }
        union sigval v = {.sival_int = (int)i};
        must(sigqueue(getpid(), SIGRTMAX, v));
        equal(calls, ++expected);
        equal(code, SI_QUEUE);
        equal(value, (int)i);
        must(syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), SIGRTMIN));
        equal(calls, ++expected);
        must(kill(getpid(), 0));
        wants(EINVAL, kill(getpid(), 65));
        wants(EINVAL, syscall(SYS_rt_sigaction, SIGKILL, &(struct sigaction){0}, NULL, 8));
        wants(ESRCH, kill(0x3fffffff, SIGTERM));
        struct sigaction old;
        must(sigaction(SIGUSR1, NULL, &old));
        check(old.sa_sigaction == handler && (old.sa_flags & SA_SIGINFO));
    }
    pass();
}
