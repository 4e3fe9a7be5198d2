// SPDX-License-Identifier: Apache-2.0
// signal_once: a signal that comes once ends the call that the program is in, also when that call is being moved.
#include "guest.h"

#include <setjmp.h>
#include <ucontext.h>

static sigjmp_buf out;
static long early, ended;
extern char behind_pause[] __attribute__((visibility("hidden")));

// Before the call it would be lost for it, on one machine as well: that is counted.
static void handler(int number, siginfo_t* info, void* context) {
    (void)number, (void)info;
    greg_t const* registers = ((ucontext_t*)context)->uc_mcontext.gregs;
    if (registers[REG_RIP] == (greg_t)behind_pause && registers[REG_RAX] == -EINTR) {
        ended++;
        return;
    }
    early++;
    siglongjmp(out, 1);
}
__attribute__((noinline)) static long pause_here(void) {
    long result;
    __asm__ volatile("mov $34, %%eax\n syscall\nbehind_pause:" : "=a"(result) : : "rcx", "r11", "memory");
    return result;
}
int main(void) {
    int ask[2];
    must(pipe(ask));
    pid_t parent = getpid(), child = must(fork());
    if (child == 0) {
        char c;
        close(ask[1]);
        while (read(ask[0], &c, 1) == 1) {
            usleep(3000);
            kill(parent, SIGUSR1);
        }
        _exit(0);
    }
    close(ask[0]);
    on_signal(SIGUSR1, handler, 0);
    for (long i = 0; again(i, 40); i++) {
        if (sigsetjmp(out, 1) != 0) continue;
        must(write(ask[1], "g", 1));
        equal(pause_here(), -EINTR);
    }
    close(ask[1]);
    exits_well(child);
    check(ended > 0);
    // A move may begin in the moment between write and pause, but hardly each time.
    check(early <= 2 || early * 8 < ended, "%ld early, %ld in time", early, ended);
    pass();
}
