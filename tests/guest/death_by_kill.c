// SPDX-License-Identifier: Apache-2.0
// death_by_kill: a program that sends itself SIGKILL ends by that signal, with what it had flushed before.
#include "guest.h"

int main(void) {
    printf("before\n");
    fflush(stdout);
    ready();
    kill(getpid(), SIGKILL);
    fail("still alive");
}
