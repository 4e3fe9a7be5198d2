// SPDX-License-Identifier: Apache-2.0
// file_attributes: fallocate, holes, O_TMPFILE, mkstemp, O_PATH, extended attributes where there are some.
#include "guest.h"
#include <linux/falloc.h>
#include <sys/xattr.h>

int main(void) {
    for (long i = 0; again(i, 40); i++) {
        int fd = must(open("alloc", O_RDWR | O_CREAT | O_TRUNC, 0600));
        zero(posix_fallocate(fd, 0, 100000));
        struct stat st;
        must(fstat(fd, &st));
        equal(st.st_size, 100000);
        check(st.st_blocks * 512 >= 100000);
        equal(pwrite(fd, "inside", 6, 50000), 6);
        must(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 49152, 4096));
        char text[40] = "x";
        equal(pread(fd, text, 6, 50000), 6);
        equal(text[0], 0);
        if (fsetxattr(fd, "user.guest", "value", 5, 0) == 0) {
            equal(fgetxattr(fd, "user.guest", text, sizeof text), 5);
            check(memcmp(text, "value", 5) == 0);
            equal(getxattr("alloc", "user.guest", NULL, 0), 5);
            wants(ERANGE, getxattr("alloc", "user.guest", text, 2));
            wants(ENODATA, getxattr("alloc", "user.other", text, 2));
        } else
            equal(errno, EOPNOTSUPP);
        must(close(fd));
        char name[] = "tempXXXXXX";
        fd = must(mkstemp(name));
        must(unlink(name));
        equal(write(fd, "t", 1), 1);
        must(close(fd));
        fd = must(open("alloc", O_PATH));
        wants(EBADF, read(fd, text, 1));
        must(fstat(fd, &st));
        equal(st.st_size, 100000);
        must(close(fd));
    }
    pass();
}
