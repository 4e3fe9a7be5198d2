// SPDX-License-Identifier: Apache-2.0
// exit_codes: every exit status reaches the parent, by exit, _exit, return of main and the raw calls.
#include "guest.h"

int main(void) {
    for (int i = 0; again(i, 40); i++) {
        int code = i * 37 % 256;
        pid_t child = must(fork());
        if (child == 0) {
            if (i % 3 == 0) _exit(code);
            if (i % 3 == 1) syscall(SYS_exit_group, code);
            syscall(SYS_exit, code);
        }
        int status = wait_for(child);
        check(WIFEXITED(status) && WEXITSTATUS(status) == code, "status %x, code %d", status, code);
    }
    printf("and this one ends with 77\n");
    return 77;
}
