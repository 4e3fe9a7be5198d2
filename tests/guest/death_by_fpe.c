// SPDX-License-Identifier: Apache-2.0
// death_by_fpe: a program that divides by zero ends by that signal, with what it had flushed before.
#include "guest.h"

int main(void) {
    printf("before\n");
    fflush(stdout);
    ready();
    volatile int a = 1, b = 0; a = a / b;
    fail("still alive");
}
