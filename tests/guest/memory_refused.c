// SPDX-License-Identifier: Apache-2.0
// memory_refused: calls on memory with ranges, flags or advice that make no sense get the kernel's own errno, whichever it is.
//
// The native run prints what its kernel said to each; elsewhere the same must come out.
#include "guest.h"

static char* place; // a page that is mapped, one that is not, one that nobody may touch, and again one that is not

static void lay_out(void) {
    must(mmap(place, 16384, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
    must(mprotect(place, 4096, PROT_READ | PROT_WRITE));
    must(munmap(place + 4096, 4096));
    must(munmap(place + 12288, 4096));
    *place = 1;
}

static char told[1 << 20], first[1 << 20];
static size_t used;

static void tell(const char* name, unsigned a, unsigned b, unsigned c, long result) {
    int number = result == -1 ? errno : 0;
    used += (size_t)snprintf(told + used, sizeof told - used, "%s %u %u %u: %d\n", name, a, b, c, number);
    check(used < sizeof told);
    lay_out();
}

static void compare(long round) {
    size_t at = 0;
    while (first[at] == told[at] && told[at] != '\0') at++;
    if (first[at] == told[at]) return;
    while (at > 0 && told[at - 1] != '\n') at--;
    fail("round %ld has %.40s, the first had %.40s", round, told + at, first + at);
}

#define count(array) (unsigned)(sizeof array / sizeof array[0])

int main(void) {
    place = must(mmap(NULL, 16384, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    lay_out();
    uintptr_t const here = (uintptr_t)place;
    uintptr_t const addresses[] = {here, here + 1, here + 4096, here + 8192, 0, (uintptr_t)-1, (uintptr_t)-4096,
                                   1ul << 47, (1ul << 47) - 4096, 1ul << 63};
    size_t const lengths[] = {0, 1, 4096, 8192, (size_t)-1, (size_t)-4096, (size_t)-4095, 1ul << 48, 1ul << 63};
    long const protections[] = {PROT_READ, 0x10, 0x1000000, 0x3000000, -1, 1l << 40};
    int const advice[] = {MADV_NORMAL, 5, 6, 7, 24, 26, 99, -1};
    int const sync[] = {0, MS_ASYNC, MS_INVALIDATE, MS_SYNC, MS_ASYNC | MS_SYNC, 8, -1};
    int const moves[] = {0, MREMAP_MAYMOVE, MREMAP_FIXED, 4 /* DONTUNMAP */, 5, 8, 16, -1};
    int const locks[] = {0, 4, 8, -1};
    for (long i = 0; again(i, 3); i++) {
        used = 0;
        for (unsigned a = 0; a < count(addresses); a++) {
            for (unsigned b = 0; b < count(lengths); b++) {
                void* at = (void*)addresses[a];
                size_t length = lengths[b];
                unsigned char resident[8];
                tell("munmap", a, b, 0, munmap(at, length));
                if (length <= 8192) tell("mincore", a, b, 0, mincore(at, length, resident));
                tell("munlock", a, b, 0, munlock(at, length));
                for (unsigned c = 0; c < count(protections); c++)
                    tell("mprotect", a, b, c, syscall(SYS_mprotect, at, length, protections[c]));
                for (unsigned c = 0; c < count(advice); c++)
                    // What makes sense is done to all that lies in the range, whosever it is.
                    if ((advice[c] != MADV_NORMAL && advice[c] != 24) || length <= 8192)
                        tell("madvise", a, b, c, madvise(at, length, advice[c]));
                for (unsigned c = 0; c < count(sync); c++) tell("msync", a, b, c, msync(at, length, sync[c]));
                // What is mapped stays where it is: where it could go is the kernel's choice.
                for (unsigned c = 0; c < count(moves); c++)
                    if ((addresses[a] != here && addresses[a] != here + 8192) || (moves[c] & MREMAP_MAYMOVE) == 0)
                        tell("mremap", a, b, c, syscall(SYS_mremap, at, length, 4096, moves[c], here + 4096));
            }
            // Only what the kernel refuses: nothing of this test's may be replaced.
            if (a >= 5)
                tell("mmap", a, 0, 0,
                     (long)mmap((void*)addresses[a], 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
        }
        for (unsigned c = 0; c < count(locks); c++) {
            tell("mlockall", 0, 0, c, mlockall(locks[c]));
            tell("mlock2", 0, 0, c, syscall(SYS_mlock2, place, 4096, locks[c] | 2));
        }
        char* odd = must(syscall(SYS_mmap, NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | 1l << 40, -1, 0)) + (char*)0;
        must(munmap(odd, 4096));
        if (i == 0) memcpy(first, told, used + 1);
        compare(i);
    }
    fputs(first, stdout);
    pass();
}
