// SPDX-License-Identifier: Apache-2.0
// death_by_segv: a program that writes to a bad address ends by that signal, with what it had flushed before.
#include "guest.h"

int main(void) {
    printf("before\n");
    fflush(stdout);
    ready();
    *(volatile int*)24 = 1;
    fail("still alive");
}
