// SPDX-License-Identifier: Apache-2.0
// threads_exit_group: exit while other threads compute, sleep and read ends them all, with that status.
#include "guest.h"

static int pipes[2];
static void* reading(void* p) {
    char c;
    if (read(pipes[0], &c, 1) != -1) fail("read returned");
    return p;
}
static void* computing(void* p) {
    for (;;) spin(1000);
    return p;
}
static void* sleeping(void* p) {
    sleep(1000);
    return p;
}
int main(void) {
    must(pipe(pipes));
    pthread_t t;
    zero(pthread_create(&t, NULL, reading, NULL));
    zero(pthread_create(&t, NULL, computing, NULL));
    zero(pthread_create(&t, NULL, sleeping, NULL));
    ready();
    printf("out\n");
    fflush(stdout);
    exit(42);
}
