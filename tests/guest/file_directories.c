// SPDX-License-Identifier: Apache-2.0
// file_directories: directories are made, listed (many entries, small buffers, seekdir), walked and removed.
#include "guest.h"
#include <dirent.h>
#include <ftw.h>

static int walked;
static int visit(char const* path, struct stat const* st, int type, struct FTW* f) {
    (void)path, (void)st, (void)type, (void)f;
    walked++;
    return 0;
}
int main(void) {
    enum { count = 300 };
    must(mkdir("many", 0755));
    char name[64];
    for (int k = 0; k < count; k++) {
        snprintf(name, sizeof name, "many/entry-with-a-rather-long-name-%d", k);
        must(close(must(open(name, O_WRONLY | O_CREAT, 0600))));
    }
    for (long i = 0; again(i, 15); i++) {
        char seen[count] = {0};
        DIR* d = opendir("many");
        check(d != NULL);
        int dots = 0, n = 0;
        long middle = 0;
        char at_middle[256] = "";
        for (struct dirent* e; (e = readdir(d)) != NULL;) {
            if (e->d_name[0] == '.') {
                dots++;
                continue;
            }
            int k = atoi(strrchr(e->d_name, '-') + 1);
            check(k >= 0 && k < count && !seen[k] && e->d_type == DT_REG, "%s", e->d_name);
            seen[k] = 1;
            if (++n == 100) middle = telldir(d);
            if (n == 101) strcpy(at_middle, e->d_name);
        }
        equal(n, count);
        equal(dots, 2);
        seekdir(d, middle);
        check(strcmp(readdir(d)->d_name, at_middle) == 0, "seekdir came to another entry");
        closedir(d);
        int fd = must(open("many", O_RDONLY | O_DIRECTORY));
        char* small = guarded(200);
        long bytes = 0, total = 0;
        while ((bytes = must(syscall(SYS_getdents64, fd, small, 200))) > 0) {
            check(bytes <= 200);
            for (long at = 0; at < bytes; at += *(unsigned short*)(small + at + 16)) total++;
        }
        equal(total, count + 2);
        wants(EINVAL, syscall(SYS_getdents64, fd, small, 10) == 0 ? (lseek(fd, 0, SEEK_SET), syscall(SYS_getdents64, fd, small, 10)) : -2);
        must(close(fd));
        unguard(small, 200);
        must(mkdir("a", 0700));
        must(mkdir("a/b", 0700));
        must(mkdirat(AT_FDCWD, "a/b/c", 0700));
        walked = 0;
        must(nftw("a", visit, 10, FTW_PHYS));
        equal(walked, 3);
        wants(ENOTEMPTY, rmdir("a/b"));
        wants(EEXIST, mkdir("a", 0700));
        wants(ENOENT, mkdir("x/y", 0700));
        must(rmdir("a/b/c"));
        must(rmdir("a/b"));
        must(rmdir("a"));
    }
    pass();
}
