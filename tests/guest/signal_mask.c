// SPDX-License-Identifier: Apache-2.0
// signal_mask: blocked signals stay pending and come at once when unblocked; sigpending shows them; masks cross handlers and threads.
#include "guest.h"

static volatile int calls, inside_blocked;
static void handler(int n, siginfo_t* info, void* context) {
    (void)info;
    sigset_t mask;
    sigprocmask(SIG_SETMASK, NULL, &mask);
    inside_blocked = sigismember(&mask, n) && sigismember(&mask, SIGHUP) && sigismember(&mask, SIGTERM);
    ucontext_t* u = context;
    if (sigismember(&u->uc_sigmask, n)) _exit(5); // what comes back after the handler
    calls++;
}
static void* inherits(void* p) {
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    check(sigismember(&mask, SIGTERM) == 1 && sigismember(&mask, SIGHUP) == 0);
    return p;
}
int main(void) {
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
    sigemptyset(&action.sa_mask);
    sigaddset(&action.sa_mask, SIGHUP);
    must(sigaction(SIGUSR1, &action, NULL));
    sigset_t one, term, old, pending;
    sigemptyset(&one);
    sigaddset(&one, SIGUSR1);
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    must(sigprocmask(SIG_BLOCK, &term, NULL));
    int expected = 0;
    for (long i = 0; again(i, 60); i++) {
        must(sigprocmask(SIG_BLOCK, &one, &old));
        equal(sigismember(&old, SIGUSR1), 0);
        for (int k = 0; k < 3; k++) must(kill(getpid(), SIGUSR1)); // coalesce into one
        spin(2000);
        equal(calls, expected);
        must(sigpending(&pending));
        equal(sigismember(&pending, SIGUSR1), 1);
        equal(sigismember(&pending, SIGHUP), 0);
        must(sigprocmask(SIG_SETMASK, &old, NULL));
        equal(calls, ++expected);
        check(inside_blocked, "the mask inside the handler");
        must(sigpending(&pending));
        equal(sigismember(&pending, SIGUSR1), 0);
        must(sigprocmask(SIG_SETMASK, NULL, &old));
        check(sigismember(&old, SIGTERM) == 1 && sigismember(&old, SIGUSR1) == 0 && sigismember(&old, SIGHUP) == 0);
        pthread_t t;
        zero(pthread_create(&t, NULL, inherits, NULL));
        zero(pthread_join(t, NULL));
        sigset_t everything;
        sigfillset(&everything);
        must(sigprocmask(SIG_BLOCK, &everything, &old));
        must(sigprocmask(SIG_SETMASK, NULL, &everything));
        equal(sigismember(&everything, SIGKILL), 0);
        equal(sigismember(&everything, SIGSTOP), 0);
        equal(sigismember(&everything, SIGSYS), 1);
        must(sigprocmask(SIG_SETMASK, &old, NULL));
    }
    pass();
}
