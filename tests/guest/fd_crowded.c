// SPDX-License-Identifier: Apache-2.0
// fd_crowded: nearly all descriptors that a low hard limit allows are opened and closed, over and over; none is lost to a move that begins meanwhile.
#include "guest.h"

enum { limit_all = 300, count = 270 };

int main(void) {
    for (int fd = 3; fd < 1024; fd++) close(fd);
    struct rlimit limit = {limit_all, limit_all};
    must(setrlimit(RLIMIT_NOFILE, &limit));
    static int fds[count];
    for (long i = 0; again(i, 10); i++) {
        for (int turn = 0; turn < 20; turn++) {
            for (int n = 0; n < count; n++) fds[n] = must(dup(0));
            for (int n = 0; n < count; n++) must(fcntl(fds[n], F_GETFD));
            for (int n = 0; n < count; n++) must(close(fds[n]));
        }
    }
    pass();
}
