// SPDX-License-Identifier: Apache-2.0
// process_exec: execve of oneself keeps PID, cwd, mask, ignored signals, umask and descriptors, drops handlers and CLOEXEC ones.
// may: stay home
#include "guest.h"

static void handler(int n) { (void)n; }
int main(int argc, char** argv) {
    int stage = argc > 1 ? atoi(argv[1]) : 0;
    if (stage > 0) {
        equal(getpid(), atoi(argv[2]));
        struct sigaction action;
        must(sigaction(SIGUSR1, NULL, &action));
        check(action.sa_handler == SIG_DFL, "a handler survived exec");
        must(sigaction(SIGUSR2, NULL, &action));
        check(action.sa_handler == SIG_IGN, "SIG_IGN did not survive exec");
        sigset_t mask;
        must(sigprocmask(SIG_SETMASK, NULL, &mask));
        equal(sigismember(&mask, SIGHUP), 1);
        must(sigpending(&mask));
        equal(sigismember(&mask, SIGHUP), 1);
        check(getenv("STAGE") != NULL && atoi(getenv("STAGE")) == stage);
        equal(fcntl(50, F_GETFD), 0);
        wants(EBADF, fcntl(51, F_GETFD));
        equal(umask(027), 027);
        char cwd[PATH_MAX];
        check(getcwd(cwd, sizeof cwd) != NULL && strcmp(strrchr(cwd, '/'), "/below") == 0, "cwd %s", cwd);
        check(argc == 4 && strlen(argv[3]) == 20000, "a long argument");
        close(50);
        if (!again(stage, 6)) {
            printf("last stage\n");
            pass();
        }
    } else {
        mkdir("below", 0700);
        must(chdir("below"));
        must(unsetenv("STAGE"));
    }
    signal(SIGUSR1, handler);
    signal(SIGUSR2, SIG_IGN);
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGHUP);
    must(sigprocmask(SIG_BLOCK, &mask, NULL));
    must(kill(getpid(), SIGHUP));
    umask(027);
    int fd = must(open("/dev/null", O_RDONLY));
    must(dup2(fd, 50));
    must(dup3(fd, 51, O_CLOEXEC));
    must(close(fd));
    char number[20], pid[20], variable[20];
    snprintf(number, sizeof number, "%d", stage + 1);
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    snprintf(variable, sizeof variable, "%d", stage + 1);
    setenv("STAGE", variable, 1);
    char* longer = malloc(20001);
    memset(longer, 'a', 20000);
    longer[20000] = 0;
    wants(ENOENT, execl("./missing", "missing", (char*)NULL));
    must(execl("/proc/self/exe", argv[0], number, pid, longer, (char*)NULL));
}
