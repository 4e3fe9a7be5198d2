// SPDX-License-Identifier: Apache-2.0
// death_by_term: a program that sends itself SIGTERM ends by that signal, with what it had flushed before.
#include "guest.h"

int main(void) {
    printf("before\n");
    fflush(stdout);
    ready();
    kill(getpid(), SIGTERM);
    fail("still alive");
}
