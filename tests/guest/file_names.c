// SPDX-License-Identifier: Apache-2.0
// file_names: stat, symlink, link, rename, unlink, access, chmod, times and the ..at forms give what they should.
#include "guest.h"
#include <sys/sysmacros.h>
#include <sys/vfs.h>

int main(void) {
    char path[5000], target[100];
    for (long i = 0; again(i, 30); i++) {
        must(close(must(open("n1", O_WRONLY | O_CREAT | O_EXCL, 0644))));
        struct stat a, b;
        must(stat("n1", &a));
        must(link("n1", "n2"));
        must(symlink("n1", "s1"));
        must(symlink("nowhere", "s2"));
        must(stat("n2", &b));
        check(a.st_ino == b.st_ino && b.st_nlink == 2);
        must(lstat("s1", &b));
        check(S_ISLNK(b.st_mode) && b.st_size == 2);
        equal(readlink("s1", target, sizeof target), 2);
        equal(readlink("s2", target, 3), 3);
        check(memcmp(target, "now", 3) == 0);
        wants(EINVAL, readlink("n1", target, 10));
        wants(ENOENT, stat("s2", &b));
        must(stat("s1", &b));
        check(a.st_ino == b.st_ino);
        must(rename("n2", "n3"));
        wants(ENOENT, access("n2", F_OK));
        must(access("n3", R_OK | W_OK));
        must(chmod("n3", 0400));
        must(stat("n1", &b));
        equal(b.st_mode & 07777, 0400);
        struct timespec times[2] = {{1000000, 5}, {2000000, 7000}};
        must(utimensat(AT_FDCWD, "n1", times, 0));
        must(stat("n3", &b));
        check(b.st_mtim.tv_sec == 2000000 && b.st_mtim.tv_nsec == 7000 && b.st_atim.tv_sec == 1000000);
        struct statx x;
        int dir = must(open(".", O_RDONLY | O_DIRECTORY));
        must(statx(dir, "n1", 0, STATX_BASIC_STATS, &x));
        check(x.stx_ino == a.st_ino && x.stx_mtime.tv_sec == 2000000 && x.stx_nlink == 2);
        must(fstatat(dir, "", &b, AT_EMPTY_PATH));
        check(S_ISDIR(b.st_mode));
        must(renameat2(dir, "n1", dir, "s2", 2 /* RENAME_EXCHANGE */));
        must(lstat("n1", &b));
        check(S_ISLNK(b.st_mode));
        wants(EEXIST, renameat2(dir, "n1", dir, "s2", 1 /* RENAME_NOREPLACE */));
        must(unlinkat(dir, "n1", 0));
        must(unlink("s1"));
        must(unlink("s2"));
        must(unlink("n3"));
        wants(ENOENT, unlink("n3"));
        must(close(dir));
        must(mkfifo("fifo", 0600));
        must(stat("fifo", &b));
        check(S_ISFIFO(b.st_mode));
        must(unlink("fifo"));
        must(stat("/dev/null", &b));
        check(S_ISCHR(b.st_mode) && major(b.st_rdev) == 1 && minor(b.st_rdev) == 3);
        memset(path, 'p', sizeof path);
        path[4998] = 0;
        wants(ENAMETOOLONG, open(path, O_RDONLY));
        path[300] = 0;
        wants(ENAMETOOLONG, open(path, O_RDONLY));
        wants(ENOENT, open("", O_RDONLY));
        must(symlink("loop", "loop"));
        wants(ELOOP, open("loop", O_RDONLY));
        must(unlink("loop"));
        struct statfs fs;
        must(statfs(".", &fs));
        check(fs.f_bsize > 0 && fs.f_blocks > 0);
        check(realpath(".", path) != NULL && path[0] == '/');
    }
    pass();
}
