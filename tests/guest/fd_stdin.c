// SPDX-License-Identifier: Apache-2.0
// fd_stdin: standard input, output and error are those that the program was given, with their kind and flags.
#include "guest.h"

int main(void) {
    struct stat st;
    char c;
    for (long i = 0; again(i, 20); i++) {
        equal(read(0, &c, 1), 0);
        must(fstat(0, &st));
        check(S_ISCHR(st.st_mode), "standard input is not /dev/null");
        must(fstat(1, &st));
        check(S_ISREG(st.st_mode) || S_ISFIFO(st.st_mode));
        check(isatty(0) == 0 && errno == ENOTTY);
    }
    fprintf(stderr, "to standard error\n");
    printf("to standard output\n");
    pass();
}
