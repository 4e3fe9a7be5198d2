// SPDX-License-Identifier: Apache-2.0
// file_read_write: read, write, lseek, append, truncate, pread, pwrite: offsets and contents are exact.
#include "guest.h"

int main(void) {
    char content[50000], got[50000];
    for (long i = 0; again(i, 30); i++) {
        fill(content, sizeof content, (uint32_t)i);
        int fd = must(open("file", O_RDWR | O_CREAT | O_TRUNC, 0640));
        for (size_t at = 0; at < sizeof content;) {
            size_t n = 1 + (at * 7 + (size_t)i) % 6000;
            if (n > sizeof content - at) n = sizeof content - at;
            equal(write(fd, content + at, n), n);
            at += n;
        }
        equal(lseek(fd, 0, SEEK_CUR), sizeof content);
        equal(lseek(fd, -100, SEEK_END), sizeof content - 100);
        equal(read(fd, got, 1000), 100);
        check(memcmp(got, content + sizeof content - 100, 100) == 0);
        equal(read(fd, got, 1000), 0);
        equal(pread(fd, got, sizeof got, 10), sizeof content - 10);
        check(memcmp(got, content + 10, sizeof content - 10) == 0);
        equal(pwrite(fd, "WXYZ", 4, 3), 4);
        equal(lseek(fd, 2, SEEK_SET), 2);
        equal(read(fd, got, 6), 6);
        check(got[0] == content[2] && memcmp(got + 1, "WXYZ", 4) == 0 && got[5] == content[7]);
        wants(EINVAL, lseek(fd, -1, SEEK_SET));
        wants(EINVAL, lseek(fd, 0, 99));
        int ap = must(open("file", O_WRONLY | O_APPEND));
        equal(write(ap, "end", 3), 3);
        equal(lseek(ap, 0, SEEK_CUR), sizeof content + 3);
        wants(EBADF, read(ap, got, 1));
        must(ftruncate(fd, 10));
        equal(pread(fd, got, 100, 0), 10);
        must(ftruncate(fd, 5000));
        equal(pread(fd, got, 100, 4950), 50);
        equal(got[0], 0);
        equal(lseek(fd, 1 << 30, SEEK_SET), 1 << 30);
        equal(write(fd, "far", 3), 3);
        struct stat st;
        must(fstat(fd, &st));
        equal(st.st_size, (1 << 30) + 3);
        check(st.st_blocks < 1000 && (st.st_mode & 0777) == 0640 && st.st_nlink == 1 && st.st_uid == getuid());
        equal(lseek(fd, 0, SEEK_DATA) >= 0, 1);
        must(fsync(fd));
        must(fdatasync(fd));
        must(close(ap));
        must(close(fd));
        wants(ENOENT, open("missing", O_RDONLY));
        wants(EEXIST, open("file", O_CREAT | O_EXCL | O_RDWR, 0600));
        wants(ENOTDIR, open("file/below", O_RDONLY));
        wants(EISDIR, open(".", O_RDWR));
    }
    pass();
}
