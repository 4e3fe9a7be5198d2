// SPDX-License-Identifier: Apache-2.0
// fd_inotify: inotify tells of files that are made, written, moved and removed, in order.
#include "guest.h"
#include <sys/inotify.h>

int main(void) {
    must(mkdir("watched", 0700));
    int in = must(inotify_init1(IN_NONBLOCK));
    int wd = must(inotify_add_watch(in, "watched", IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE));
    for (long i = 0; again(i, 40); i++) {
        int fd = must(open("watched/a", O_WRONLY | O_CREAT, 0600));
        must(close(fd));
        must(rename("watched/a", "watched/b"));
        must(unlink("watched/b"));
        char buffer[2048] __attribute__((aligned(8)));
        ssize_t n = must(read(in, buffer, sizeof buffer));
        uint32_t const masks[] = {IN_CREATE, IN_CLOSE_WRITE, IN_MOVED_FROM, IN_MOVED_TO, IN_DELETE};
        int k = 0;
        for (char* at = buffer; at < buffer + n; k++) {
            struct inotify_event* e = (struct inotify_event*)at;
            check(k < 5 && e->mask == masks[k] && e->wd == wd, "event %d is %x", k, e->mask);
            check(strcmp(e->name, k < 3 ? "a" : "b") == 0);
            at += sizeof *e + e->len;
        }
        equal(k, 5);
        wants(EAGAIN, read(in, buffer, sizeof buffer));
    }
    pass();
}
