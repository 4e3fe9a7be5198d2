// SPDX-License-Identifier: Apache-2.0
// tty_signals: ^C, ^Z and ^\ typed at a terminal reach the foreground group; the stopped job goes on; a background reader stops.
// libs: -lutil
#include "guest.h"
#include <pty.h>
#include <termios.h>

// The outermost process types at the master; its child is the session leader, as a shell is; the jobs are its children.
static void handler(int n, siginfo_t* info, void* context) {
    (void)n, (void)context;
    if (info->si_code != SI_KERNEL) _exit(33);
    if (write(1, "i", 1) != 1) _exit(34);
}
static void await(int master, char what) {
    char c;
    do must(read(master, &c, 1));
    while (c != what);
}
static void job(int computing) {
    on_signal(SIGINT, handler, SA_RESTART);
    signal(SIGTTOU, SIG_DFL);
    equal(write(1, "r", 1), 1);
    char c;
    if (computing)
        for (;;) spin(1000);
    for (;;) equal(read(0, &c, 1), 1);
}
static void shell(int computing) {
    struct termios t;
    must(tcgetattr(0, &t));
    t.c_lflag &= ~(tcflag_t)ECHO;
    must(tcsetattr(0, TCSANOW, &t));
    signal(SIGTTOU, SIG_IGN);
    pid_t child = must(fork());
    if (child == 0) {
        must(setpgid(0, 0));
        must(tcsetpgrp(0, getpid()));
        job(computing);
    }
    int status;
    equal(waitpid(child, &status, WUNTRACED), child);
    check(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTSTP, "status %x", status);
    must(tcsetpgrp(0, getpgrp()));
    equal(write(1, "s", 1), 1);
    must(tcsetpgrp(0, child));
    must(kill(-child, SIGCONT));
    equal(waitpid(child, &status, WCONTINUED), child);
    check(WIFCONTINUED(status));
    equal(write(1, "c", 1), 1);
    equal(waitpid(child, &status, WUNTRACED), child);
    check(WIFSIGNALED(status) && WTERMSIG(status) == SIGQUIT, "status %x", status);
    must(tcsetpgrp(0, getpgrp()));
    child = must(fork());
    if (child == 0) {
        must(setpgid(0, 0));
        char c;
        (void)!read(0, &c, 1);
        _exit(3);
    }
    equal(waitpid(child, &status, WUNTRACED), child);
    check(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTTIN, "status %x", status);
    must(kill(child, SIGKILL));
    wait_for(child);
    _exit(0);
}
int main(void) {
    struct rlimit none = {0, 0};
    must(setrlimit(RLIMIT_CORE, &none));
    for (int i = 0; again(i, 10); i++) {
        int master;
        pid_t child = must(forkpty(&master, NULL, NULL, NULL));
        if (child == 0) shell(i % 2);
        await(master, 'r');
        equal(write(master, "\003", 1), 1);
        await(master, 'i');
        equal(write(master, "\003", 1), 1);
        await(master, 'i');
        equal(write(master, "\032", 1), 1);
        await(master, 's');
        await(master, 'c');
        equal(write(master, "\003", 1), 1);
        await(master, 'i');
        equal(write(master, "\034", 1), 1);
        exits_well(child);
        must(close(master));
    }
    pass();
}
