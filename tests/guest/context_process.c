// SPDX-License-Identifier: Apache-2.0
// context_process: getcwd, chdir, fchdir, umask, limits, uname, host name, ids and groups are home's and the program's own.
#include "guest.h"
#include <grp.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

int main(void) {
    char start[PATH_MAX], cwd[PATH_MAX], expected[PATH_MAX + 10];
    check(getcwd(start, sizeof start) != NULL);
    int here = must(open(".", O_RDONLY));
    must(mkdir("deeper", 0700));
    struct utsname first, other;
    must(uname(&first));
    umask(022);
    pid_t pid = getpid(), parent = getppid(), group = getpgrp(), session = getsid(0);
    gid_t groups[100];
    int group_count = must(getgroups(100, groups));
    for (long i = 0; again(i, 50); i++) {
        must(chdir("deeper"));
        snprintf(expected, sizeof expected, "%s/deeper", start);
        check(getcwd(cwd, sizeof cwd) != NULL && strcmp(cwd, expected) == 0, "cwd is %s", cwd);
        wants(ERANGE, getcwd(cwd, 3) == NULL ? -1 : 0);
        must(fchdir(here));
        check(getcwd(cwd, sizeof cwd) != NULL && strcmp(cwd, start) == 0);
        wants(ENOENT, chdir("nowhere"));
        equal(umask(077), 022);
        struct stat st;
        must(close(must(open("masked", O_WRONLY | O_CREAT, 0666))));
        must(stat("masked", &st));
        equal(st.st_mode & 0777, 0600);
        must(unlink("masked"));
        equal(umask(022), 077);
        struct rlimit limit, changed;
        must(getrlimit(RLIMIT_CORE, &limit));
        changed = limit;
        changed.rlim_cur = 0;
        must(setrlimit(RLIMIT_CORE, &changed));
        must(getrlimit(RLIMIT_CORE, &changed));
        equal(changed.rlim_cur, 0);
        must(setrlimit(RLIMIT_CORE, &limit));
        must(prlimit(0, RLIMIT_NOFILE, NULL, &limit));
        check(limit.rlim_cur > 10);
        must(uname(&other));
        check(memcmp(&first, &other, sizeof first) == 0, "uname changed");
        char host[100];
        must(gethostname(host, sizeof host));
        check(strcmp(host, first.nodename) == 0, "the host name is %s", host);
        check(getpid() == pid && syscall(SYS_getpid) == pid && getppid() == parent && getpgrp() == group && getsid(0) == session);
        uid_t r, e, s;
        must(getresuid(&r, &e, &s));
        check(r == getuid() && e == geteuid());
        gid_t now[100];
        equal(getgroups(100, now), group_count);
        check(memcmp(now, groups, sizeof(gid_t) * (size_t)group_count) == 0);
        struct sysinfo info;
        must(sysinfo(&info));
        check(info.uptime > 0 && info.totalram > 0 && info.procs > 0);
    }
    pass();
}
