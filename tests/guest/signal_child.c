// SPDX-License-Identifier: Apache-2.0
// signal_child: SIGCHLD with the child's PID and status; ignored or SA_NOCLDWAIT children are reaped by themselves.
#include "guest.h"

static volatile pid_t child_pid;
static volatile int code, child_status, calls;
static void handler(int n, siginfo_t* info, void* context) {
    (void)n, (void)context;
    child_pid = info->si_pid, code = info->si_code, child_status = info->si_status;
    calls++;
}
int main(void) {
    sigset_t set, old;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    for (long i = 0; again(i, 15); i++) {
        on_signal(SIGCHLD, handler, SA_RESTART);
        must(sigprocmask(SIG_BLOCK, &set, &old));
        calls = 0;
        pid_t child = must(fork());
        if (child == 0) _exit(7);
        while (calls == 0) sigsuspend(&old);
        equal(child_pid, child);
        equal(code, CLD_EXITED);
        equal(child_status, 7);
        int status = wait_for(child);
        equal(WEXITSTATUS(status), 7);
        child = must(fork());
        if (child == 0) {
            raise(SIGKILL);
            _exit(0);
        }
        calls = 0;
        while (calls == 0) sigsuspend(&old);
        equal(code, CLD_KILLED);
        equal(child_status, SIGKILL);
        wait_for(child);
        must(sigprocmask(SIG_SETMASK, &old, NULL));
        signal(SIGCHLD, SIG_IGN);
        child = must(fork());
        if (child == 0) _exit(0);
        wants(ECHILD, waitpid(child, &status, 0)); // waits for its end, then finds nothing
        while (kill(child, 0) == 0) sched_yield(); // its last moment may be still to come
        equal(errno, ESRCH);
        on_signal(SIGCHLD, handler, SA_NOCLDWAIT);
        child = must(fork());
        if (child == 0) _exit(0);
        wants(ECHILD, (status = waitpid(-1, NULL, 0)) == -1 && errno == EINTR ? waitpid(-1, NULL, 0) : status);
        signal(SIGCHLD, SIG_DFL);
    }
    pass();
}
