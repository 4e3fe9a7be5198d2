// SPDX-License-Identifier: Apache-2.0
// cpu_registers: general, x87, SSE, AVX and AVX-512 registers keep their contents through a long computation.
#include "guest.h"
#include <cpuid.h>

// Each function fills registers with a pattern, spins without touching them, and stores them again.
static long laps = 400000;

static void general(void) {
    uint64_t out[8];
    __asm__ volatile("mov $0x1111111111111111, %%r8\n mov $0x2222222222222222, %%r9\n"
                     "mov $0x3333333333333333, %%r10\n mov $0x4444444444444444, %%r11\n"
                     "mov $0x5555555555555555, %%r12\n mov $0x6666666666666666, %%r13\n"
                     "mov $0x7777777777777777, %%r14\n mov $0x8888888888888888, %%r15\n"
                     "mov %1, %%rcx\n 1: dec %%rcx\n jnz 1b\n"
                     "mov %%r8, 0(%0)\n mov %%r9, 8(%0)\n mov %%r10, 16(%0)\n mov %%r11, 24(%0)\n"
                     "mov %%r12, 32(%0)\n mov %%r13, 40(%0)\n mov %%r14, 48(%0)\n mov %%r15, 56(%0)\n" ::"r"(out),
                     "m"(laps)
                     : "rcx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "memory", "cc");
    for (unsigned i = 0; i < 8; i++) check(out[i] == 0x1111111111111111u * (i + 1), "r%u is %lx", i + 8, out[i]);
}

static void x87(void) {
    long double out[4];
    uint16_t control = 0x0f7f, control_after = 0; // round towards zero, all exceptions masked, extended precision
    __asm__ volatile("fninit\n fldcw %3\n fldpi\n fldl2e\n fldlg2\n fld1\n"
                     "mov %2, %%rcx\n 1: dec %%rcx\n jnz 1b\n"
                     "fstpt 0(%1)\n fstpt 16(%1)\n fstpt 32(%1)\n fstpt 48(%1)\n fnstcw %0\n fninit\n"
                     : "=m"(control_after)
                     : "r"(out), "m"(laps), "m"(control)
                     : "rcx", "memory", "cc");
    equal(control_after, control);
    check(out[0] == 1.0L && out[3] > 3.14159265358979L && out[3] < 3.1415926535898L, "x87 stack");
    check(out[2] > 1.442695040888L && out[2] < 1.442695040889L && out[1] > 0.3010299956L, "x87 stack");
}

static void sse(void) {
    unsigned char in[16][16], out[16][16];
    for (int i = 0; i < 16; i++) fill(in[i], 16, (uint32_t)i);
    __asm__ volatile(
        "movdqu 0(%0),%%xmm0\n movdqu 16(%0),%%xmm1\n movdqu 32(%0),%%xmm2\n movdqu 48(%0),%%xmm3\n"
        "movdqu 64(%0),%%xmm4\n movdqu 80(%0),%%xmm5\n movdqu 96(%0),%%xmm6\n movdqu 112(%0),%%xmm7\n"
        "movdqu 128(%0),%%xmm8\n movdqu 144(%0),%%xmm9\n movdqu 160(%0),%%xmm10\n movdqu 176(%0),%%xmm11\n"
        "movdqu 192(%0),%%xmm12\n movdqu 208(%0),%%xmm13\n movdqu 224(%0),%%xmm14\n movdqu 240(%0),%%xmm15\n"
        "mov %2, %%rcx\n 1: dec %%rcx\n jnz 1b\n"
        "movdqu %%xmm0,0(%1)\n movdqu %%xmm1,16(%1)\n movdqu %%xmm2,32(%1)\n movdqu %%xmm3,48(%1)\n"
        "movdqu %%xmm4,64(%1)\n movdqu %%xmm5,80(%1)\n movdqu %%xmm6,96(%1)\n movdqu %%xmm7,112(%1)\n"
        "movdqu %%xmm8,128(%1)\n movdqu %%xmm9,144(%1)\n movdqu %%xmm10,160(%1)\n movdqu %%xmm11,176(%1)\n"
        "movdqu %%xmm12,192(%1)\n movdqu %%xmm13,208(%1)\n movdqu %%xmm14,224(%1)\n movdqu %%xmm15,240(%1)\n" ::"r"(in),
        "r"(out), "m"(laps)
        : "rcx", "memory", "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9",
          "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
    check(memcmp(in, out, sizeof in) == 0, "an xmm register changed");
}

__attribute__((target("avx"))) static void avx(void) {
    unsigned char in[4][32], out[4][32];
    for (int i = 0; i < 4; i++) fill(in[i], 32, (uint32_t)i + 100);
    __asm__ volatile("vmovdqu 0(%0),%%ymm0\n vmovdqu 32(%0),%%ymm7\n vmovdqu 64(%0),%%ymm8\n vmovdqu 96(%0),%%ymm15\n"
                     "mov %2, %%rcx\n 1: dec %%rcx\n jnz 1b\n"
                     "vmovdqu %%ymm0,0(%1)\n vmovdqu %%ymm7,32(%1)\n vmovdqu %%ymm8,64(%1)\n vmovdqu %%ymm15,96(%1)\n"
                     "vzeroupper\n" ::"r"(in),
                     "r"(out), "m"(laps)
                     : "rcx", "memory", "cc", "xmm0", "xmm7", "xmm8", "xmm15");
    check(memcmp(in, out, sizeof in) == 0, "a ymm register changed");
}

__attribute__((target("avx512f,avx512bw"))) static void avx512(void) {
    unsigned char in[4][64], out[4][64];
    uint64_t mask_in = 0x123456789abcdef1, mask_out = 0;
    for (int i = 0; i < 4; i++) fill(in[i], 64, (uint32_t)i + 200);
    __asm__ volatile(
        "vmovdqu64 0(%0),%%zmm0\n vmovdqu64 64(%0),%%zmm15\n vmovdqu64 128(%0),%%zmm16\n vmovdqu64 192(%0),%%zmm31\n"
        "kmovq %3,%%k3\n mov %2, %%rcx\n 1: dec %%rcx\n jnz 1b\n"
        "vmovdqu64 %%zmm0,0(%1)\n vmovdqu64 %%zmm15,64(%1)\n vmovdqu64 %%zmm16,128(%1)\n vmovdqu64 %%zmm31,192(%1)\n"
        "kmovq %%k3,(%4)\n vzeroupper\n" ::"r"(in),
        "r"(out), "m"(laps), "m"(mask_in), "r"(&mask_out)
        : "rcx", "memory", "cc", "xmm0", "xmm15", "xmm16", "xmm31", "k3");
    check(memcmp(in, out, sizeof in) == 0, "a zmm register changed");
    check(mask_in == mask_out, "k3 changed");
}

int main(void) {
    for (long i = 0; again(i, 60); i++) {
        general();
        x87();
        sse();
        if (__builtin_cpu_supports("avx")) avx();
        if (__builtin_cpu_supports("avx512bw")) avx512();
    }
    pass();
}
