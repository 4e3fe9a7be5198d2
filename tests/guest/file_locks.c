// SPDX-License-Identifier: Apache-2.0
// file_locks: POSIX record locks, OFD locks and flock: conflicts with a child, owners, release, waiting.
#include "guest.h"
#include <sys/file.h>

static int try_lock(int fd, int command, short type, off_t start, off_t length) {
    struct flock l = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = length};
    return fcntl(fd, command, &l);
}
int main(void) {
    int fd = must(open("locked", O_RDWR | O_CREAT | O_TRUNC, 0600));
    equal(write(fd, "0123456789", 10), 10);
    int there[2], back[2];
    must(pipe(there));
    must(pipe(back));
    pid_t parent = getpid(), child = must(fork());
    if (child == 0) {
        int own = must(open("locked", O_RDWR));
        char c;
        close(there[1]);
        while (read(there[0], &c, 1) == 1) {
            if (c == 'p') { // the parent holds bytes 0 to 4 as a POSIX lock
                check(try_lock(own, F_SETLK, F_WRLCK, 2, 1) == -1 && (errno == EAGAIN || errno == EACCES));
                must(try_lock(own, F_SETLK, F_WRLCK, 6, 1));
                struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 0};
                must(fcntl(own, F_GETLK, &l));
                check(l.l_type == F_WRLCK && l.l_pid == parent && l.l_start == 0 && l.l_len == 5);
                must(try_lock(own, F_SETLK, F_UNLCK, 0, 0));
            }
            if (c == 'f') check(flock(own, LOCK_EX | LOCK_NB) == -1 && errno == EWOULDBLOCK);
            if (c == 'o') check(try_lock(own, F_OFD_SETLK, F_RDLCK, 0, 10) == -1 && errno == EAGAIN);
            if (c == 'w') { // waits until the parent lets go
                equal(write(back[1], "w", 1), 1);
                must(try_lock(own, F_SETLKW, F_WRLCK, 0, 5));
                must(try_lock(own, F_SETLK, F_UNLCK, 0, 5));
            }
            equal(write(back[1], &c, 1), 1);
        }
        _exit(0);
    }
    for (long i = 0; again(i, 40); i++) {
        char c;
        must(try_lock(fd, F_SETLK, F_WRLCK, 0, 5));
        equal(write(there[1], "p", 1), 1);
        equal(read(back[0], &c, 1), 1);
        equal(write(there[1], "w", 1), 1);
        equal(read(back[0], &c, 1), 1);
        spin(3000);
        must(try_lock(fd, F_SETLK, F_UNLCK, 0, 5));
        equal(read(back[0], &c, 1), 1);
        must(flock(fd, LOCK_EX));
        equal(write(there[1], "f", 1), 1);
        equal(read(back[0], &c, 1), 1);
        must(flock(fd, LOCK_UN));
        must(try_lock(fd, F_OFD_SETLK, F_WRLCK, 0, 10));
        equal(write(there[1], "o", 1), 1);
        equal(read(back[0], &c, 1), 1);
        must(try_lock(fd, F_OFD_SETLK, F_UNLCK, 0, 10));
    }
    close(there[1]);
    exits_well(child);
    pass();
}
