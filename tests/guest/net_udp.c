// SPDX-License-Identifier: Apache-2.0
// net_udp: UDP datagrams on the loopback with sendto, recvfrom, sendmmsg and recvmmsg; names and boundaries are right.
#include "guest.h"
#include <arpa/inet.h>
#include <netinet/in.h>

int main(void) {
    int a = must(socket(AF_INET, SOCK_DGRAM, 0)), b = must(socket(AF_INET, SOCK_DGRAM, 0));
    struct sockaddr_in at[2], from;
    socklen_t length;
    for (int k = 0; k < 2; k++) {
        memset(&at[k], 0, sizeof at[k]);
        at[k].sin_family = AF_INET, at[k].sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        must(bind(k ? b : a, (struct sockaddr*)&at[k], sizeof at[k]));
        length = sizeof at[k];
        must(getsockname(k ? b : a, (struct sockaddr*)&at[k], &length));
    }
    struct timeval limit = {0, 20000};
    must(setsockopt(b, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit));
    for (long i = 0; again(i, 30); i++) {
        char text[2000], got[2000];
        fill(text, sizeof text, (uint32_t)i);
        equal(sendto(a, text, 1500, 0, (struct sockaddr*)&at[1], sizeof at[1]), 1500);
        length = sizeof from;
        equal(recvfrom(b, got, sizeof got, 0, (struct sockaddr*)&from, &length), 1500);
        check(memcmp(text, got, 1500) == 0 && from.sin_port == at[0].sin_port && length == sizeof from);
        struct iovec out[3] = {{text, 10}, {text + 10, 20}, {text + 30, 30}}, in[3] = {{got, 50}, {got + 50, 50}, {got + 100, 50}};
        struct mmsghdr messages[3];
        memset(messages, 0, sizeof messages);
        for (int k = 0; k < 3; k++) {
            messages[k].msg_hdr.msg_name = &at[1];
            messages[k].msg_hdr.msg_namelen = sizeof at[1];
            messages[k].msg_hdr.msg_iov = &out[k];
            messages[k].msg_hdr.msg_iovlen = 1;
        }
        equal(sendmmsg(a, messages, 3, 0), 3);
        equal(messages[2].msg_len, 30);
        memset(messages, 0, sizeof messages);
        for (int k = 0; k < 3; k++) messages[k].msg_hdr.msg_iov = &in[k], messages[k].msg_hdr.msg_iovlen = 1;
        equal(recvmmsg(b, messages, 3, 0, NULL), 3);
        for (int k = 0; k < 3; k++) equal(messages[k].msg_len, (k + 1) * 10);
        check(memcmp(got + 100, text + 30, 30) == 0);
        if (i % 10 == 0) wants(EAGAIN, recv(b, got, 1, 0)); // the time limit of the socket
    }
    pass();
}
