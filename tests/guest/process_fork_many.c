// SPDX-License-Identifier: Apache-2.0
// process_fork_many: many children at once, waited for in any order; PIDs are never mixed up; ECHILD at the end.
#include "guest.h"

int main(void) {
    for (long i = 0; again(i, 5); i++) {
        pid_t child[20];
        for (int k = 0; k < 20; k++) {
            child[k] = must(fork());
            if (child[k] == 0) {
                spin(k * 200);
                _exit(k);
            }
            for (int j = 0; j < k; j++) check(child[j] != child[k], "the same PID twice");
        }
        for (int k = 19; k >= 10; k--) equal(WEXITSTATUS(wait_for(child[k])), k);
        int seen = 0;
        for (int k = 0; k < 10; k++) {
            int status;
            pid_t got = must(wait(&status));
            check(WIFEXITED(status) && WEXITSTATUS(status) < 10 && child[WEXITSTATUS(status)] == got);
            seen |= 1 << WEXITSTATUS(status);
        }
        equal(seen, 1023);
        wants(ECHILD, wait(NULL));
        wants(ECHILD, waitpid(child[0], NULL, 0));
    }
    pass();
}
