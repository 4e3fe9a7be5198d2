// SPDX-License-Identifier: Apache-2.0
// context_random: getrandom and /dev/urandom give fresh bytes each time, in parent and child, with the flags' errors.
#include "guest.h"
#include <sys/random.h>

int main(void) {
    unsigned char last[32] = {0}, now[32];
    for (long i = 0; again(i, 100); i++) {
        equal(getrandom(now, sizeof now, 0), sizeof now);
        check(memcmp(last, now, sizeof now) != 0, "the same bytes twice");
        memcpy(last, now, sizeof now);
        wants(EINVAL, syscall(SYS_getrandom, now, 8, 0xff00));
        int fd = must(open("/dev/urandom", O_RDONLY));
        equal(read(fd, now, sizeof now), sizeof now);
        check(memcmp(last, now, sizeof now) != 0);
        must(close(fd));
    }
    pass();
}
