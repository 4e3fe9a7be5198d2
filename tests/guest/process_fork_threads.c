// SPDX-License-Identifier: Apache-2.0
// process_fork_threads: a thread forks while others run; the child has that one thread; atfork functions run.
#include "guest.h"

static int stop, prepared, parents, children;
static void prepare(void) { prepared++; }
static void in_parent(void) { parents++; }
static void in_child(void) { children++; }
static void* computing(void* p) {
    while (!__atomic_load_n(&stop, __ATOMIC_SEQ_CST)) free(malloc(1 + spin(50) % 5000));
    return p;
}
static void* forking(void* p) {
    pid_t child = must(fork());
    if (child == 0) {
        equal(syscall(SYS_gettid), getpid());
        equal(children, 1);
        free(malloc(3000));
        pthread_t t[5]; // more at a time than the parent has
        for (int k = 0; k < 5; k++) zero(pthread_create(&t[k], NULL, computing, NULL));
        __atomic_store_n(&stop, 1, __ATOMIC_SEQ_CST);
        for (int k = 0; k < 5; k++) zero(pthread_join(t[k], NULL));
        _exit(0);
    }
    exits_well(child);
    return p;
}
int main(void) {
    pthread_atfork(prepare, in_parent, in_child);
    pthread_t t[2], f;
    for (int k = 0; k < 2; k++) zero(pthread_create(&t[k], NULL, computing, NULL));
    long i;
    for (i = 0; again(i, 20); i++) {
        zero(pthread_create(&f, NULL, forking, NULL));
        zero(pthread_join(f, NULL));
        equal(prepared, i + 1);
        equal(parents, i + 1);
    }
    __atomic_store_n(&stop, 1, __ATOMIC_SEQ_CST);
    for (int k = 0; k < 2; k++) zero(pthread_join(t[k], NULL));
    pass();
}
