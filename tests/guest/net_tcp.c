// SPDX-License-Identifier: Apache-2.0
// net_tcp: a TCP server thread and a client on the loopback: names, options, large transfers, shutdown, refused connections.
#include "guest.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

static void* echo(void* arg) {
    int listener = *(int*)arg;
    for (;;) {
        struct sockaddr_in peer;
        socklen_t length = sizeof peer;
        int s = accept4(listener, (struct sockaddr*)&peer, &length, SOCK_CLOEXEC);
        if (s < 0) return NULL;
        equal(length, sizeof peer);
        equal(peer.sin_family, AF_INET);
        char block[5000];
        for (ssize_t n; (n = read(s, block, sizeof block)) > 0;)
            for (ssize_t k = 0; k < n;) k += must(write(s, block + k, (size_t)(n - k)));
        must(close(s));
    }
}
int main(void) {
    int listener = must(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    int one = 1;
    must(setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one));
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    must(bind(listener, (struct sockaddr*)&at, sizeof at));
    must(listen(listener, 10));
    socklen_t length = sizeof at;
    must(getsockname(listener, (struct sockaddr*)&at, &length));
    pthread_t t;
    zero(pthread_create(&t, NULL, echo, &listener));
    static char block[60000], back[60000];
    for (long i = 0; again(i, 40); i++) {
        int s = must(socket(AF_INET, SOCK_STREAM, 0));
        must(connect(s, (struct sockaddr*)&at, sizeof at));
        must(setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one));
        int value = 0;
        length = sizeof value;
        must(getsockopt(s, IPPROTO_TCP, TCP_NODELAY, &value, &length));
        check(value != 0 && length == sizeof value);
        struct sockaddr_in peer;
        length = sizeof peer;
        must(getpeername(s, (struct sockaddr*)&peer, &length));
        check(memcmp(&peer, &at, sizeof at) == 0, "the peer has another name");
        fill(block, sizeof block, (uint32_t)i);
        equal(write(s, block, sizeof block), sizeof block);
        must(shutdown(s, SHUT_WR));
        equal(recv(s, back, sizeof back, MSG_WAITALL), sizeof back);
        check(memcmp(block, back, sizeof back) == 0, "other bytes came back");
        equal(read(s, back, 1), 0);
        must(close(s));
    }
    must(shutdown(listener, SHUT_RDWR));
    zero(pthread_join(t, NULL));
    must(close(listener));
    int s = must(socket(AF_INET, SOCK_STREAM, 0));
    wants(ECONNREFUSED, connect(s, (struct sockaddr*)&at, sizeof at));
    pass();
}
