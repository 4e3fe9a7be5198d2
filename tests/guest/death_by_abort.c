// SPDX-License-Identifier: Apache-2.0
// death_by_abort: a program that calls abort ends by that signal, with what it had flushed before.
#include "guest.h"

int main(void) {
    printf("before\n");
    fflush(stdout);
    ready();
    abort();
    fail("still alive");
}
