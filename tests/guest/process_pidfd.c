// SPDX-License-Identifier: Apache-2.0
// process_pidfd: pidfd_open, pidfd_send_signal and poll on a pidfd; a child of clone3 with CLONE_PIDFD.
#include "guest.h"
#include <linux/sched.h>
#include <poll.h>

int main(void) {
    for (long i = 0; again(i, 20); i++) {
        int fd = -1;
        struct clone_args args = {.flags = CLONE_PIDFD, .pidfd = (uintptr_t)&fd, .exit_signal = SIGCHLD};
        pid_t child = (pid_t)must(syscall(SYS_clone3, &args, sizeof args));
        if (child == 0)
            for (;;) pause();
        check(fd >= 0);
        struct pollfd p = {.fd = fd, .events = POLLIN};
        equal(poll(&p, 1, 0), 0);
        must(syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0));
        equal(poll(&p, 1, 10000), 1);
        int status = wait_for(child);
        check(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
        wants(ESRCH, syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0));
        must(close(fd));
    }
    pass();
}
