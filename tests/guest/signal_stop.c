// SPDX-License-Identifier: Apache-2.0
// signal_stop: SIGSTOP really stops the computing process, SIGCONT lets it go on; the parent sees both (WUNTRACED, WCONTINUED).
#include "guest.h"

static volatile int continued;
static void handler(int n, siginfo_t* info, void* context) {
    (void)n, (void)info, (void)context;
    continued++;
}
int main(void) {
    int count[2];
    must(pipe2(count, O_NONBLOCK));
    pid_t child = must(fork());
    if (child == 0) {
        on_signal(SIGCONT, handler, 0);
        for (;;) {
            spin(2000);
            char c = (char)continued;
            if (write(count[1], &c, 1) < 0 && errno != EAGAIN) _exit(1);
            if (getppid() == 1) _exit(0);
        }
    }
    close(count[1]);
    for (int i = 0; again(i, 15); i++) {
        int status;
        char c[4096];
        must(kill(child, SIGSTOP));
        equal(waitpid(child, &status, WUNTRACED), child);
        check(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP, "status %x", status);
        // What it wrote before it stopped is in the pipe; then nothing more may come.
        int64_t limit = now_ns() + 3000000000;
        for (int quiet = 0; quiet < 2;) {
            while (read(count[0], c, sizeof c) > 0) check(now_ns() < limit, "it is stopped but goes on");
            struct timespec t = {0, 20000000};
            nanosleep(&t, NULL);
            quiet = read(count[0], c, sizeof c) > 0 ? 0 : quiet + 1;
            check(now_ns() < limit, "it is stopped but goes on");
        }
        equal(waitpid(child, &status, WNOHANG | WUNTRACED), 0);
        must(kill(child, SIGCONT));
        equal(waitpid(child, &status, WCONTINUED), child);
        check(WIFCONTINUED(status), "status %x", status);
        limit = now_ns() + 10000000000;
        while (read(count[0], c, 1) <= 0) check(now_ns() < limit, "it does not go on");
    }
    must(kill(child, SIGKILL));
    wait_for(child);
    pass();
}
