// SPDX-License-Identifier: Apache-2.0
// net_rights: descriptors pass over sockets with SCM_RIGHTS, to oneself and to a child; credentials with SCM_CREDENTIALS.
#include "guest.h"

static void give(int s, int* fds, int count) {
    char control[256], byte = 'f';
    memset(control, 0, sizeof control);
    struct iovec io = {&byte, 1};
    struct msghdr m = {.msg_iov = &io, .msg_iovlen = 1, .msg_control = control, .msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)count)};
    struct cmsghdr* c = CMSG_FIRSTHDR(&m);
    c->cmsg_level = SOL_SOCKET, c->cmsg_type = SCM_RIGHTS, c->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)count);
    memcpy(CMSG_DATA(c), fds, sizeof(int) * (size_t)count);
    equal(sendmsg(s, &m, 0), 1);
}
static void take(int s, int* fds, int count, int flags) {
    char control[256], byte;
    struct iovec io = {&byte, 1};
    struct msghdr m = {.msg_iov = &io, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    equal(recvmsg(s, &m, flags), 1);
    equal(m.msg_flags & ~MSG_CMSG_CLOEXEC, 0);
    struct cmsghdr* c = CMSG_FIRSTHDR(&m);
    check(c != NULL && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof(int) * (size_t)count));
    memcpy(fds, CMSG_DATA(c), sizeof(int) * (size_t)count);
    check(CMSG_NXTHDR(&m, c) == NULL);
}
int main(void) {
    int s[2];
    must(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    pid_t child = must(fork());
    if (child == 0) {
        close(s[0]);
        for (;;) {
            int fd;
            char byte;
            if (recv(s[1], &byte, 1, MSG_PEEK) == 0) _exit(0);
            take(s[1], &fd, 1, 0);
            must(lseek(fd, 0, SEEK_END));
            equal(write(fd, "child\n", 6), 6);
            must(close(fd));
            equal(write(s[1], "k", 1), 1);
        }
    }
    int own[2], on = 1;
    must(socketpair(AF_UNIX, SOCK_DGRAM, 0, own));
    must(setsockopt(own[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof on));
    for (long i = 0; again(i, 50); i++) {
        int fd = must(open("passed", O_RDWR | O_CREAT | O_TRUNC, 0600));
        give(s[0], &fd, 1);
        char text[20];
        equal(read(s[0], text, 1), 1);
        equal(pread(fd, text, 20, 0), 6);
        int three[3] = {fd, 0, 1}, got[3];
        int pair[2];
        must(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
        give(pair[0], three, 3);
        take(pair[1], got, 3, MSG_CMSG_CLOEXEC);
        for (int k = 0; k < 3; k++) {
            check(got[k] > 2 && fcntl(got[k], F_GETFD) == FD_CLOEXEC);
            struct stat a, b;
            must(fstat(got[k], &a));
            must(fstat(three[k], &b));
            check(a.st_ino == b.st_ino && a.st_dev == b.st_dev, "another file came out");
            must(close(got[k]));
        }
        must(close(pair[0]));
        must(close(pair[1]));
        must(close(fd));
        equal(send(own[0], "c", 1, 0), 1);
        char control[CMSG_SPACE(sizeof(struct ucred))];
        struct iovec io = {text, 1};
        struct msghdr m = {.msg_iov = &io, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
        equal(recvmsg(own[1], &m, 0), 1);
        struct cmsghdr* c = CMSG_FIRSTHDR(&m);
        check(c != NULL && c->cmsg_type == SCM_CREDENTIALS);
        struct ucred who;
        memcpy(&who, CMSG_DATA(c), sizeof who);
        check(who.pid == getpid() && who.uid == getuid());
    }
    close(s[0]);
    exits_well(child);
    pass();
}
