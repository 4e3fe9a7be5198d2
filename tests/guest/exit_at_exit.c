// SPDX-License-Identifier: Apache-2.0
// exit_at_exit: atexit functions run in reverse order, buffered output is flushed, on_exit gets the status.
#include "guest.h"

static void first(void) { printf("first registered\n"); }
static void second(void) { printf("second registered\n"); }
static void third(int status, void* arg) { printf("status %d, %s\n", status, (char const*)arg); }
int main(void) {
    atexit(first);
    atexit(second);
    on_exit(third, "argument");
    printf("buffered ");
    ready();
    return 5;
}
