// SPDX-License-Identifier: Apache-2.0
// process_fork: fork copies memory, descriptors with shared offsets, masks and handlers; the two then go separate ways.
#include "guest.h"

static volatile int value = 1, handled;
static void handler(int n, siginfo_t* info, void* context) {
    (void)n, (void)info, (void)context;
    handled++;
}
int main(void) {
    on_signal(SIGUSR1, handler, 0);
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR2);
    must(sigprocmask(SIG_BLOCK, &mask, NULL));
    char* heap = malloc(100000);
    for (long i = 0; again(i, 30); i++) {
        fill(heap, 100000, (uint32_t)i);
        uint64_t before = sum(heap, 100000);
        int fd = must(open("shared_offset", O_RDWR | O_CREAT | O_TRUNC, 0600));
        must(kill(getpid(), SIGUSR2)); // pending here, not in the child
        value = 1;
        pid_t parent = getpid(), child = must(fork());
        if (child == 0) {
            check(getpid() != parent && getppid() == parent);
            equal(syscall(SYS_gettid), getpid());
            check(sum(heap, 100000) == before, "memory was not copied");
            heap[5]++, value = 2;
            handled = 0;
            raise(SIGUSR1);
            equal(handled, 1);
            sigset_t pending;
            must(sigpending(&pending));
            equal(sigismember(&pending, SIGUSR2), 0);
            must(sigprocmask(SIG_SETMASK, NULL, &pending));
            equal(sigismember(&pending, SIGUSR2), 1);
            equal(write(fd, "child", 5), 5);
            _exit(0);
        }
        exits_well(child);
        equal(value, 1);
        check(sum(heap, 100000) == before, "the child changed the parent's memory");
        equal(lseek(fd, 0, SEEK_CUR), 5);
        must(close(fd));
        int got;
        zero(sigwait(&mask, &got));
    }
    pass();
}
