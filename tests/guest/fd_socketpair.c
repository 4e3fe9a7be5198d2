// SPDX-License-Identifier: Apache-2.0
// fd_socketpair: stream, datagram and packet pairs: boundaries, peek, truncation, shutdown, half-closed ends.
#include "guest.h"

int main(void) {
    for (long i = 0; again(i, 60); i++) {
        int s[2];
        char text[100];
        must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s));
        equal(send(s[0], "hello", 5, 0), 5);
        equal(recv(s[1], text, 3, MSG_PEEK), 3);
        equal(recv(s[1], text, 100, 0), 5);
        wants(EAGAIN, recv(s[1], text, 1, MSG_DONTWAIT));
        must(shutdown(s[0], SHUT_WR));
        equal(recv(s[1], text, 1, 0), 0);
        equal(send(s[1], "back", 4, 0), 4);
        equal(read(s[0], text, 100), 4);
        must(close(s[0]));
        must(close(s[1]));
        must(socketpair(AF_UNIX, SOCK_DGRAM, 0, s));
        equal(send(s[0], "one", 3, 0), 3);
        equal(send(s[0], "", 0, 0), 0);
        equal(send(s[0], "three", 5, 0), 5);
        equal(recv(s[1], text, 100, 0), 3);
        equal(recv(s[1], text, 100, 0), 0);
        equal(recv(s[1], text, 2, MSG_TRUNC), 5);
        must(close(s[0]));
        must(close(s[1]));
        must(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s));
        equal(write(s[0], "packet", 6), 6);
        equal(write(s[0], "other", 5), 5);
        equal(read(s[1], text, 4), 4);
        equal(read(s[1], text, 100), 5);
        int type;
        socklen_t length = sizeof type;
        must(getsockopt(s[0], SOL_SOCKET, SO_TYPE, &type, &length));
        equal(type, SOCK_SEQPACKET);
        equal(length, 4);
        must(close(s[0]));
        equal(read(s[1], text, 1), 0);
        must(close(s[1]));
    }
    pass();
}
