// SPDX-License-Identifier: Apache-2.0
// tty_settings: a pseudo terminal: isatty, ttyname, window size with SIGWINCH, termios, canonical and raw reading, echo.
// libs: -lutil
#include "guest.h"
#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <termios.h>

static volatile int resized;
static void handler(int n, siginfo_t* info, void* context) {
    (void)n, (void)info, (void)context;
    resized++;
}
int main(void) {
    int master;
    pid_t child = must(forkpty(&master, NULL, NULL, NULL));
    if (child == 0) { // the program at the terminal
        on_signal(SIGWINCH, handler, 0);
        char line[100];
        check(isatty(0) && isatty(1) && ttyname(0) != NULL && strncmp(ttyname(0), "/dev/pts/", 9) == 0);
        equal(tcgetpgrp(0), getpgrp());
        equal(tcgetsid(0), getpid());
        sigset_t mask, open_mask;
        sigemptyset(&mask);
        sigaddset(&mask, SIGWINCH);
        must(sigprocmask(SIG_BLOCK, &mask, &open_mask));
        for (;;) {
            struct pollfd p = {.fd = 0, .events = POLLIN};
            if (ppoll(&p, 1, NULL, &open_mask) < 0) { // SIGWINCH comes only here, so none is missed
                equal(errno, EINTR);
                struct winsize w;
                must(ioctl(0, TIOCGWINSZ, &w));
                dprintf(1, "[%d rows %d columns]\n", w.ws_row, w.ws_col);
                continue;
            }
            ssize_t n = read(0, line, sizeof line - 1);
            if (n <= 0) _exit(0);
            line[n] = 0;
            dprintf(1, "<%s>\n", strtok(line, "\n"));
        }
    }
    struct termios t;
    must(tcgetattr(master, &t));
    t.c_lflag &= ~(tcflag_t)ECHO;
    t.c_oflag &= ~(tcflag_t)OPOST;
    must(tcsetattr(master, TCSANOW, &t));
    char got[100];
    for (int i = 0; again(i, 30); i++) {
        equal(write(master, "typed line\n", 11), 11);
        size_t n = 0;
        while (n < 13) n += (size_t)must(read(master, got + n, sizeof got - n));
        check(n == 13 && memcmp(got, "<typed line>\n", 13) == 0, "%.*s", (int)n, got);
        struct winsize w = {.ws_row = (unsigned short)(10 + i % 50), .ws_col = 80};
        struct winsize before;
        must(ioctl(master, TIOCGWINSZ, &before));
        must(ioctl(master, TIOCSWINSZ, &w));
        if (before.ws_row != w.ws_row || before.ws_col != 80) {
            n = 0;
            while (n == 0 || got[n - 1] != '\n') n += (size_t)must(read(master, got + n, sizeof got - n));
            char expected[60];
            int m = snprintf(expected, sizeof expected, "[%d rows 80 columns]\n", w.ws_row);
            check((int)n == m && memcmp(got, expected, n) == 0, "%.*s", (int)n, got);
        }
        must(tcgetattr(master, &t));
        check(!(t.c_lflag & ECHO) && (t.c_lflag & ICANON) && t.c_cc[VINTR] == 3);
    }
    equal(write(master, "\004", 1), 1); // ^D
    exits_well(child);
    pass();
}
