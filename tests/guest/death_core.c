// SPDX-License-Identifier: Apache-2.0
// death_core: with a core limit above zero the parent sees the core flag as natively, and the core file (if any) is at home.
#include "guest.h"

int main(void) {
    struct rlimit limit;
    must(getrlimit(RLIMIT_CORE, &limit));
    limit.rlim_cur = limit.rlim_max;
    must(setrlimit(RLIMIT_CORE, &limit));
    int flagged = 0;
    for (long i = 0; again(i, 2); i++) {
        pid_t child = must(fork());
        if (child == 0) {
            spin(1000);
            *(volatile int*)32 = 1;
            _exit(1);
        }
        int status = wait_for(child);
        check(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV, "status %x", status);
        flagged = WCOREDUMP(status) != 0;
    }
    printf("core flag %d\n", flagged);
    pass();
}
