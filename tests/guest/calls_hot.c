// SPDX-License-Identifier: Apache-2.0
// calls_hot: a call made thousands of times from one place changes no register or flag but those it may, under signals too.
#include "guest.h"
#include <setjmp.h>

static volatile sig_atomic_t ticks;
static void tick(int number) {
    (void)number;
    ticks++;
}

struct state {
    uint64_t general[12]; // rbx rbp rdi rsi rdx r8 r9 r10 r12 r13 r14 r15
    unsigned char xmm[4][16];
    uint64_t flags, result, rcx, next;
};

// lseek(fd, 0, SEEK_CUR) with everything else filled. `stc`, `std` and the overflow flag are set in front of it.
__attribute__((noinline)) static void call_with_all(int fd, struct state* in, struct state* out) {
    __asm__ volatile("push %%rbx\n push %%rbp\n push %0\n push %1\n"
                     "mov %0, %%rax\n"
                     "movdqu 96(%%rax), %%xmm0\n movdqu 112(%%rax), %%xmm7\n movdqu 128(%%rax), %%xmm8\n movdqu 144(%%rax), %%xmm15\n"
                     "mov 0(%%rax), %%rbx\n mov 8(%%rax), %%rbp\n mov 16(%%rax), %%rdi\n mov 24(%%rax), %%rsi\n"
                     "mov 32(%%rax), %%rdx\n mov 40(%%rax), %%r8\n mov 48(%%rax), %%r9\n mov 56(%%rax), %%r10\n"
                     "mov 64(%%rax), %%r12\n mov 72(%%rax), %%r13\n mov 80(%%rax), %%r14\n mov 88(%%rax), %%r15\n"
                     "mov $0x7f, %%al\n add $1, %%al\n stc\n std\n"
                     "mov $8, %%eax\n syscall\n"
                     "1: pushfq\n cld\n push %%rax\n mov 16(%%rsp), %%rax\n"
                     "mov %%rbx, 0(%%rax)\n mov %%rbp, 8(%%rax)\n mov %%rdi, 16(%%rax)\n mov %%rsi, 24(%%rax)\n"
                     "mov %%rdx, 32(%%rax)\n mov %%r8, 40(%%rax)\n mov %%r9, 48(%%rax)\n mov %%r10, 56(%%rax)\n"
                     "mov %%r12, 64(%%rax)\n mov %%r13, 72(%%rax)\n mov %%r14, 80(%%rax)\n mov %%r15, 88(%%rax)\n"
                     "movdqu %%xmm0, 96(%%rax)\n movdqu %%xmm7, 112(%%rax)\n movdqu %%xmm8, 128(%%rax)\n movdqu %%xmm15, 144(%%rax)\n"
                     "pop %%rbx\n mov %%rbx, 168(%%rax)\n pop %%rbx\n mov %%rbx, 160(%%rax)\n"
                     "mov %%rcx, 176(%%rax)\n lea 1b(%%rip), %%rbx\n mov %%rbx, 184(%%rax)\n"
                     "pop %1\n pop %0\n pop %%rbp\n pop %%rbx\n"
                     : "+S"(in), "+D"(out)
                     :
                     : "rax", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "memory", "cc", "xmm0",
                       "xmm7", "xmm8", "xmm15");
    (void)fd;
}

static void registers(int fd, uint32_t seed) {
    struct state in, out;
    fill(&in, sizeof in, seed);
    memset(&out, 0, sizeof out);
    in.general[2] = (uint64_t)fd;
    in.general[3] = 0;
    in.general[4] = SEEK_CUR;
    call_with_all(fd, &in, &out);
    equal(out.result, 5);
    check(memcmp(in.general, out.general, sizeof in.general) == 0, "a general register changed");
    check(memcmp(in.xmm, out.xmm, sizeof in.xmm) == 0, "an xmm register changed");
    equal(out.flags & 0xc01, 0xc01); // overflow, direction, carry
    check(out.rcx == out.next, "rcx is %lx, not %lx", out.rcx, out.next);
}

static void results(int fd, int sink, const char* path) {
    char bytes[64];
    struct stat status;
    equal(must(pread(fd, bytes, sizeof bytes, 3)), 7);
    check(memcmp(bytes, "3456789", 7) == 0);
    equal(must(write(sink, bytes, 64)), 64);
    wants(EBADF, lseek(-1, 0, SEEK_CUR));
    wants(EINVAL, lseek(fd, -100, SEEK_SET));
    char* volatile nowhere = (char*)16;
    wants(EFAULT, pread(fd, nowhere, 8, 0));
    int again_fd = must(open(path, O_RDONLY));
    must(fstat(again_fd, &status));
    equal(status.st_size, 10);
    must(close(again_fd));
    wants(ENOENT, open("/nonexistent/file", O_RDONLY));
}

static sigjmp_buf way_out;
static void jump(int number) {
    (void)number;
    siglongjmp(way_out, 1);
}

// A handler that never returns to the call it has interrupted.
static void jumps(int ends[2]) {
    struct itimerval soon = {.it_value.tv_usec = 2000};
    char byte;
    signal(SIGALRM, jump);
    if (sigsetjmp(way_out, 1) == 0) {
        must(setitimer(ITIMER_REAL, &soon, NULL));
        for (;;) {
            if (read(ends[0], &byte, 1) == 1) fail("a byte came from nowhere");
        }
    }
}

static void* caller(void* argument) {
    int fd = *(int*)argument;
    for (int i = 0; i < 300; i++) equal(must(lseek(fd, 0, SEEK_CUR)), 5);
    return NULL;
}

int main(void) {
    char path[] = "/tmp/calls_hot.XXXXXX";
    int fd = must(mkstemp(path)), sink = must(open("/dev/null", O_WRONLY)), ends[2];
    must(write(fd, "0123456789", 10));
    must(lseek(fd, 5, SEEK_SET));
    must(pipe(ends));
    for (long i = 0; again(i, 12); i++) {
        struct itimerval often = {{0, 1500}, {0, 1500}}, never = {{0, 0}, {0, 0}};
        struct sigaction action = {.sa_handler = tick, .sa_flags = SA_RESTART};
        must(sigaction(SIGALRM, &action, NULL));
        for (uint32_t k = 0; k < 150; k++) {
            registers(fd, k);
            results(fd, sink, path);
            if (k == 75) must(setitimer(ITIMER_REAL, &often, NULL));
        }
        must(setitimer(ITIMER_REAL, &never, NULL));
        jumps(ends);
        pthread_t threads[2];
        for (int k = 0; k < 2; k++) zero(pthread_create(&threads[k], NULL, caller, &fd));
        caller(&fd);
        for (int k = 0; k < 2; k++) zero(pthread_join(threads[k], NULL));
    }
    must(unlink(path));
    pass();
}
