// SPDX-License-Identifier: Apache-2.0
// signal_altstack: handlers run on the alternate stack, also after a stack overflow; sigaltstack tells the truth; each thread has its own.
#include "guest.h"
#include <setjmp.h>

static sigjmp_buf back;
static char* stack_low;
static size_t const stack_size = 64 * 1024;
static volatile int on_it;
static void handler(int n, siginfo_t* info, void* context) {
    (void)info, (void)context;
    char here;
    stack_t now;
    sigaltstack(NULL, &now);
    on_it = &here >= stack_low && &here < stack_low + stack_size && (now.ss_flags & SS_ONSTACK);
    if (n == SIGSEGV) siglongjmp(back, 1);
}
static volatile int zero_value;
__attribute__((noinline)) static int endless(int x) {
    volatile char frame[4096];
    frame[0] = (char)x;
    return x < 0 ? 0 : endless(x + 1) + frame[0] + zero_value;
}
static void* thread(void* p) {
    stack_t now;
    must(sigaltstack(NULL, &now));
    equal(now.ss_flags, SS_DISABLE);
    return p;
}
int main(void) {
    stack_low = malloc(stack_size);
    stack_t stack = {.ss_sp = stack_low, .ss_size = stack_size}, now;
    must(sigaltstack(&stack, NULL));
    on_signal(SIGUSR1, handler, SA_ONSTACK);
    on_signal(SIGSEGV, handler, SA_ONSTACK);
    on_signal(SIGUSR2, handler, 0);
    struct rlimit limit = {1 << 20, RLIM_INFINITY};
    getrlimit(RLIMIT_STACK, &limit);
    limit.rlim_cur = 1 << 20;
    must(setrlimit(RLIMIT_STACK, &limit));
    for (long i = 0; again(i, 20); i++) {
        raise(SIGUSR1);
        equal(on_it, 1);
        raise(SIGUSR2);
        equal(on_it, 0);
        if (sigsetjmp(back, 1) == 0) endless(1);
        equal(on_it, 1);
        must(sigaltstack(NULL, &now));
        check(now.ss_sp == stack_low && now.ss_size == stack_size && now.ss_flags == 0);
        pthread_t t;
        zero(pthread_create(&t, NULL, thread, NULL));
        zero(pthread_join(t, NULL));
        stack.ss_size = 10;
        wants(ENOMEM, sigaltstack(&stack, NULL));
        stack.ss_size = stack_size;
    }
    pass();
}
