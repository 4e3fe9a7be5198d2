// SPDX-License-Identifier: Apache-2.0
// fd_crowded: nearly all descriptors that a low hard limit allows are opened and closed, over and over; none is lost to a move that begins meanwhile.
#include "guest.h"
#include <sys/syscall.h>
#include <sys/wait.h>

enum { limit_all = 300, count = 270, ranged = 20 };

static int fds[count];

static void take_all(void) {
    for (int n = 0; n < count; n++) fds[n] = must(dup(0));
    for (int n = 0; n < count; n++) must(fcntl(fds[n], F_GETFD));
}

// A child has them all, and closes its own only.
static void inherit(void) {
    pid_t child = must(fork());
    if (child == 0) {
        for (int n = 0; n < count; n++) must(fcntl(fds[n], F_GETFD));
        for (int n = 0; n < count; n += 2) must(close(fds[n]));
        for (int n = 0; n < count; n++) equal(fcntl(fds[n], F_GETFD), n % 2 == 0 ? -1 : 0);
        _exit(0);
    }
    int status;
    must(waitpid(child, &status, 0));
    equal(status, 0);
    for (int n = 0; n < count; n++) must(fcntl(fds[n], F_GETFD));
}

// One comes over a socket.
static void receive(int const pair[2]) {
    char byte = 'x';
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(int))];
    } space = {0};
    struct iovec vector = {&byte, 1};
    struct msghdr message = {
        .msg_iov = &vector, .msg_iovlen = 1, .msg_control = &space, .msg_controllen = sizeof space};
    space.head = (struct cmsghdr){CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
    memcpy(CMSG_DATA(&space.head), &fds[count - 1], sizeof(int));
    must(sendmsg(pair[0], &message, 0));
    message.msg_controllen = sizeof space;
    equal(recvmsg(pair[1], &message, 0), 1);
    int came;
    memcpy(&came, CMSG_DATA(&space.head), sizeof came);
    must(fcntl(came, F_GETFD));
    must(close(came));
    equal(fcntl(came, F_GETFD), -1);
}

int main(void) {
    for (int fd = 3; fd < 1024; fd++) close(fd);
    struct rlimit limit = {limit_all, limit_all};
    must(setrlimit(RLIMIT_NOFILE, &limit));
    int pair[2];
    must(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    for (long i = 0; again(i, 10); i++) {
        for (int turn = 0; turn < 10; turn++) {
            take_all();
            for (int n = 0; n < count; n++) must(close(fds[n]));
        }
        take_all();
        receive(pair);
        inherit();
        int first = fds[count - ranged];
        must(syscall(SYS_close_range, first, first + ranged - 1, 0));
        for (int n = 0; n < count; n++) {
            int gone = fds[n] >= first && fds[n] < first + ranged;
            equal(fcntl(fds[n], F_GETFD), gone ? -1 : 0);
            if (!gone) must(close(fds[n]));
        }
    }
    pass();
}
