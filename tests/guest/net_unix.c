// SPDX-License-Identifier: Apache-2.0
// net_unix: UNIX sockets with a name in the file system and an abstract one: bind, connect, credentials, names.
#include "guest.h"
#include <stddef.h>
#include <sys/un.h>

int main(void) {
    for (long i = 0; again(i, 40); i++) {
        for (int abstract = 0; abstract < 2; abstract++) {
            struct sockaddr_un at = {.sun_family = AF_UNIX};
            socklen_t size;
            if (abstract) {
                int n = snprintf(at.sun_path + 1, 60, "guest-test-%d-%ld", (int)getpid(), i);
                size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
            } else {
                strcpy(at.sun_path, "socket");
                unlink("socket");
                size = sizeof at;
            }
            int l = must(socket(AF_UNIX, SOCK_STREAM, 0)), c = must(socket(AF_UNIX, SOCK_STREAM, 0));
            must(bind(l, (struct sockaddr*)&at, size));
            must(listen(l, 5));
            must(connect(c, (struct sockaddr*)&at, size));
            int s = must(accept(l, NULL, NULL));
            struct ucred who;
            socklen_t length = sizeof who;
            must(getsockopt(s, SOL_SOCKET, SO_PEERCRED, &who, &length));
            check(who.pid == getpid() && who.uid == getuid() && who.gid == getgid());
            struct sockaddr_un name;
            length = sizeof name;
            must(getpeername(c, (struct sockaddr*)&name, &length));
            check(abstract ? length == size : strcmp(name.sun_path, "socket") == 0);
            equal(write(c, "over", 4), 4);
            char text[10];
            equal(read(s, text, 10), 4);
            must(close(c));
            equal(read(s, text, 10), 0);
            must(close(s));
            must(close(l));
        }
    }
    pass();
}
