// SPDX-License-Identifier: Apache-2.0
// process_vfork: vfork shares memory until the child execs or exits; the parent waits for that.
#include "guest.h"

int main(void) {
    for (volatile long i = 0; again(i, 20); i++) {
        volatile int seen = 0;
        pid_t child = vfork();
        if (child == 0) {
            seen = 5;
            _exit(9);
        }
        check(child > 0);
        equal(seen, 5);
        equal(WEXITSTATUS(wait_for(child)), 9);
        child = vfork();
        if (child == 0) {
            execl("/bin/true", "true", (char*)NULL);
            _exit(127);
        }
        exits_well(child);
        volatile int error = 0;
        child = vfork();
        if (child == 0) {
            execl("/does/not/exist", "x", (char*)NULL);
            error = errno;
            _exit(127);
        }
        equal(error, ENOENT);
        equal(WEXITSTATUS(wait_for(child)), 127);
    }
    pass();
}
