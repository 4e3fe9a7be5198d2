// SPDX-License-Identifier: Apache-2.0
// signal_context: a handler sees the interrupted registers and may change them; the rest, vector registers too, comes back untouched.
#include "guest.h"

static void steps_over(int n, siginfo_t* info, void* context) {
    (void)n, (void)info;
    ucontext_t* u = context;
    u->uc_mcontext.gregs[REG_RIP] += 2; // ud2
    u->uc_mcontext.gregs[REG_RBX] ^= 0xff;
    volatile double dirty[8];
    for (int k = 0; k < 8; k++) dirty[k] = k * 1.5; // disturbs the vector registers
    (void)dirty;
}
static void divides(int n, siginfo_t* info, void* context) {
    ucontext_t* u = context;
    if (n != SIGFPE || info->si_code != FPE_INTDIV) fail("code %d", info->si_code);
    u->uc_mcontext.gregs[REG_RCX] = 7;
}
static volatile int traps;
static void trapped(int n, siginfo_t* info, void* context) {
    (void)n, (void)context;
    if (info->si_code != SI_KERNEL && info->si_code != TRAP_BRKPT) fail("code %d", info->si_code);
    traps++;
}
int main(void) {
    on_signal(SIGILL, steps_over, 0);
    on_signal(SIGFPE, divides, 0);
    on_signal(SIGTRAP, trapped, 0);
    for (long i = 0; again(i, 300); i++) {
        uint64_t rbx = 0x1234567800000000u, xmm = 0x3ff8000000000000u, out, r15 = 99;
        __asm__ volatile("mov %3, %%r15\n movq %2, %%xmm5\n ud2\n movq %%xmm5, %1\n mov %%r15, %3\n"
                         : "+b"(rbx), "=r"(out)
                         : "r"(xmm), "m"(r15)
                         : "xmm5", "r15", "memory");
        check(rbx == 0x12345678000000ffu, "rbx is %lx", rbx);
        check(out == xmm && r15 == 99, "registers changed");
        uint64_t rax = 50, rdx = 0, rcx = 0;
        __asm__ volatile("div %%rcx" : "+a"(rax), "+d"(rdx), "+c"(rcx));
        equal(rax, 7);
        equal(rdx, 1);
        __asm__ volatile("int3");
        equal(traps, i + 1);
    }
    pass();
}
