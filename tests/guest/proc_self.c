// SPDX-License-Identifier: Apache-2.0
// proc_self: /proc/self is the program's own: exe, cmdline, status (Pid, PPid, Name, Threads), stat, cwd, environ, limits.
#include "guest.h"

static char text[200000];
static char const* slurp(char const* path) {
    int fd = must(open(path, O_RDONLY));
    size_t n = 0;
    for (ssize_t r; (r = must(read(fd, text + n, sizeof text - 1 - n))) > 0;) n += (size_t)r;
    text[n] = 0;
    must(close(fd));
    return text;
}
static long field(char const* name) {
    char key[40];
    snprintf(key, sizeof key, "\n%s:", name);
    char const* at = strstr(slurp("/proc/self/status"), key);
    check(at != NULL, "no %s", name);
    return atol(at + strlen(key));
}
int main(int argc, char** argv) {
    (void)argc;
    char path[PATH_MAX], again_path[PATH_MAX], expected[PATH_MAX];
    for (long i = 0; again(i, 30); i++) {
        ssize_t n = must(readlink("/proc/self/exe", path, sizeof path - 1));
        path[n] = 0;
        check(realpath(argv[0], expected) != NULL && strcmp(path, expected) == 0, "exe is %s", path);
        check(strcmp(slurp("/proc/self/cmdline"), argv[0]) == 0);
        check(strncmp(slurp("/proc/self/status"), "Name:\tproc_self\n", 16) == 0, "%.30s", text);
        equal(field("Pid"), getpid());
        equal(field("Tgid"), getpid());
        equal(field("PPid"), getppid());
        equal(field("Threads"), 1);
        equal(field("TracerPid"), 0);
        equal(field("Uid"), getuid());
        equal(field("Seccomp"), 0);
        equal(field("NoNewPrivs"), 0);
        check(strtol(slurp("/proc/self/stat"), NULL, 10) == getpid() && strstr(text, "(proc_self) ") != NULL);
        n = must(readlink("/proc/self/cwd", path, sizeof path - 1));
        path[n] = 0;
        check(getcwd(again_path, sizeof again_path) != NULL && strcmp(path, again_path) == 0);
        n = must(readlink("/proc/self", path, sizeof path - 1));
        path[n] = 0;
        equal(atoi(path), getpid());
        slurp("/proc/self/environ");
        char const* home = getenv("HOME");
        if (home != NULL) {
            bool found = false;
            for (char* at = text; *at; at += strlen(at) + 1) found = found || (strncmp(at, "HOME=", 5) == 0 && strcmp(at + 5, home) == 0);
            check(found, "HOME is not in environ");
        }
        check(strstr(slurp("/proc/self/limits"), "Max open files") != NULL);
        wants(ENOENT, open("/proc/self/no_such_file", O_RDONLY));
    }
    pass();
}
