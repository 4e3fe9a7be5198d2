// SPDX-License-Identifier: Apache-2.0
// process_wait: waitid and wait4 with all their options: WNOHANG, WNOWAIT, P_ALL, P_PID, P_PIDFD, rusage of children.
#include "guest.h"
#ifndef P_PIDFD
#define P_PIDFD 3
#endif

int main(void) {
    for (long i = 0; again(i, 15); i++) {
        int p[2];
        must(pipe(p));
        pid_t child = must(fork());
        if (child == 0) {
            char c;
            close(p[1]);
            spin(20000);
            if (read(p[0], &c, 1) != 0) _exit(1);
            _exit(17);
        }
        close(p[0]);
        siginfo_t info;
        memset(&info, 0xff, sizeof info);
        must(waitid(P_PID, (id_t)child, &info, WEXITED | WNOHANG));
        equal(info.si_pid, 0);
        equal(waitpid(child, NULL, WNOHANG), 0);
        int fd = (int)must(syscall(SYS_pidfd_open, child, 0));
        close(p[1]);
        must(waitid(P_ALL, 0, &info, WEXITED | WNOWAIT));
        equal(info.si_pid, child);
        equal(info.si_signo, SIGCHLD);
        equal(info.si_code, CLD_EXITED);
        equal(info.si_status, 17);
        memset(&info, 0, sizeof info);
        must(waitid((idtype_t)P_PIDFD, (id_t)fd, &info, WEXITED | WNOWAIT));
        equal(info.si_pid, child);
        struct rusage usage;
        int status;
        equal(wait4(child, &status, 0, &usage), child);
        equal(WEXITSTATUS(status), 17);
        must(getrusage(RUSAGE_CHILDREN, &usage));
        must(close(fd));
        wants(ECHILD, waitid(P_PID, (id_t)child, &info, WEXITED));
        wants(EINVAL, waitid(P_ALL, 0, &info, 0));
    }
    pass();
}
