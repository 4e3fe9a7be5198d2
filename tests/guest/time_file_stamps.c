// SPDX-License-Identifier: Apache-2.0
// time_file_stamps: the stamps that files get agree with the program's own clock, as make relies on it.
#include "guest.h"

static int64_t ns(struct timespec t) { return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec; }
int main(void) {
    for (long i = 0; again(i, 40); i++) {
        struct timespec before, after;
        clock_gettime(CLOCK_REALTIME, &before);
        int fd = must(open("stamped", O_WRONLY | O_CREAT | O_TRUNC, 0600));
        equal(write(fd, "x", 1), 1);
        struct stat st;
        must(fstat(fd, &st));
        must(close(fd));
        clock_gettime(CLOCK_REALTIME, &after);
        // The kernel stamps with the coarse clock, which may be one tick (10 ms at most) behind.
        check(ns(st.st_mtim) >= ns(before) - 20000000, "%lld ns before", (long long)(ns(before) - ns(st.st_mtim)));
        check(ns(st.st_mtim) <= ns(after) + 1000000, "%lld ns after", (long long)(ns(st.st_mtim) - ns(after)));
    }
    pass();
}
