// SPDX-License-Identifier: Apache-2.0
// signal_fd: signalfd gives blocked signals as records; readable in poll; sender and value right.
#include "guest.h"
#include <poll.h>
#include <sys/signalfd.h>

int main(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGRTMIN);
    sigaddset(&set, SIGCHLD);
    must(sigprocmask(SIG_BLOCK, &set, NULL));
    int fd = must(signalfd(-1, &set, SFD_NONBLOCK));
    for (long i = 0; again(i, 30); i++) {
        struct signalfd_siginfo s[3];
        wants(EAGAIN, read(fd, s, sizeof s));
        union sigval v = {.sival_int = 9};
        must(sigqueue(getpid(), SIGRTMIN, v));
        must(kill(getpid(), SIGUSR1));
        equal(read(fd, s, sizeof s), 2 * sizeof s[0]);
        equal(s[0].ssi_signo, SIGUSR1);
        equal(s[0].ssi_pid, getpid());
        equal(s[1].ssi_signo, SIGRTMIN);
        equal(s[1].ssi_int, 9);
        pid_t child = must(fork());
        if (child == 0) _exit(3);
        struct pollfd p = {.fd = fd, .events = POLLIN};
        equal(poll(&p, 1, -1), 1);
        equal(read(fd, s, sizeof s), sizeof s[0]);
        equal(s[0].ssi_signo, SIGCHLD);
        equal(s[0].ssi_pid, child);
        equal(s[0].ssi_status, 3);
        wait_for(child);
    }
    pass();
}
