// SPDX-License-Identifier: Apache-2.0
// process_name: PR_SET_NAME shows in /proc, and the options of prctl keep what was set.
#include "guest.h"
#include <sys/prctl.h>

int main(void) {
    must(prctl(PR_SET_PDEATHSIG, SIGUSR2));
    must(prctl(PR_SET_DUMPABLE, 1));
    must(prctl(PR_SET_TIMERSLACK, 70000));
    for (long i = 0; again(i, 50); i++) {
        char name[16], text[64] = "";
        snprintf(name, sizeof name, "name %ld", i % 1000);
        must(prctl(PR_SET_NAME, name));
        must(prctl(PR_GET_NAME, text));
        check(strcmp(text, name) == 0);
        int fd = must(open("/proc/self/comm", O_RDONLY));
        memset(text, 0, sizeof text);
        check(read(fd, text, sizeof text) == (ssize_t)strlen(name) + 1 && memcmp(text, name, strlen(name)) == 0, "%s", text);
        must(close(fd));
        int number = 0;
        must(prctl(PR_GET_PDEATHSIG, &number));
        equal(number, SIGUSR2);
        equal(prctl(PR_GET_DUMPABLE), 1);
        equal(prctl(PR_GET_TIMERSLACK), 70000);
        equal(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 0);
        equal(prctl(PR_GET_SECCOMP), 0);
        wants(EINVAL, prctl(123456));
    }
    pass();
}
