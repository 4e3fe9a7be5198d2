// SPDX-License-Identifier: Apache-2.0
// signal_frame: a handler's frame that another CPU has made, one without AVX-512, restores the vector registers that are in it.
#include "guest.h"
#include <cpuid.h>

enum { words_at = 464, header_at = 512, avx_end = 832 };
static const uint32_t magic1 = 0x46505853, magic2 = 0x46505845;

// Makes of its frame what a CPU writes whose last component is AVX.
static void makes_it_smaller(int n, siginfo_t* info, void* context) {
    (void)n, (void)info;
    ucontext_t* u = context;
    u->uc_mcontext.gregs[REG_RIP] += 2; // ud2
    char* area = (char*)u->uc_mcontext.fpregs;
    struct {
        uint32_t magic1, extended_size;
        uint64_t features;
        uint32_t xsave_size;
    } words;
    memcpy(&words, area + words_at, sizeof words);
    if (words.magic1 != magic1 || words.xsave_size < avx_end) fail("an area of %u bytes", words.xsave_size);
    words.features &= 7;
    words.xsave_size = avx_end;
    words.extended_size = avx_end + sizeof magic2;
    memcpy(area + words_at, &words, sizeof words);
    area[header_at] &= 7;
    memcpy(area + avx_end, &magic2, sizeof magic2);
}

int main(void) {
    unsigned a, b, c, d;
    __cpuid(1, a, b, c, d);
    if (!(c & bit_AVX)) pass();
    on_signal(SIGILL, makes_it_smaller, 0);
    unsigned char in[32], out[32];
    for (long i = 0; again(i, 300); i++) {
        fill(in, sizeof in, (uint32_t)i);
        __asm__ volatile("vmovdqu %1, %%ymm7\n ud2\n vmovdqu %%ymm7, %0\n vzeroupper\n"
                         : "=m"(out)
                         : "m"(in)
                         : "xmm7", "memory");
        check(memcmp(in, out, sizeof in) == 0, "ymm7 has changed");
    }
    pass();
}
