// SPDX-License-Identifier: Apache-2.0
// signal_repair: a SIGSEGV handler finds the address and repairs by mprotect, as garbage collectors do; the store then goes on.
#include "guest.h"

static char* area;
static volatile int repairs;
static void handler(int n, siginfo_t* info, void* context) {
    ucontext_t* u = context;
    char* at = info->si_addr;
    if (n != SIGSEGV || info->si_code != SEGV_ACCERR || at < area || at >= area + 64 * 4096) fail("a fault at %p", at);
    if (u->uc_mcontext.gregs[REG_TRAPNO] != 14) fail("trap %lld", u->uc_mcontext.gregs[REG_TRAPNO]);
    if ((char*)u->uc_mcontext.gregs[REG_CR2] != at) fail("cr2");
    if (mprotect((char*)((uintptr_t)at & ~4095ul), 4096, PROT_READ | PROT_WRITE) != 0) fail("mprotect");
    repairs++;
}
int main(void) {
    area = must(mmap(NULL, 64 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    on_signal(SIGSEGV, handler, 0);
    for (long i = 0; again(i, 40); i++) {
        must(mprotect(area, 64 * 4096, i % 2 ? PROT_READ : PROT_NONE));
        repairs = 0;
        for (int k = 0; k < 64; k++) {
            area[k * 4096 + k] = (char)(k + i);
            equal(repairs, k + 1);
        }
        for (int k = 0; k < 64; k++) equal(area[k * 4096 + k], (char)(k + i));
    }
    pass();
}
