// SPDX-License-Identifier: Apache-2.0
// memory_stack: the stack grows by deep recursion, in the main thread and in others, and shrinks again.
#include "guest.h"

static uint64_t dig(int depth, uint64_t seed) {
    volatile unsigned char frame[500];
    for (int k = 0; k < 500; k += 50) frame[k] = (unsigned char)(seed + (uint64_t)(depth * k));
    uint64_t below = depth == 0 ? seed : dig(depth - 1, seed * 31 + (uint64_t)depth);
    for (int k = 0; k < 500; k += 50)
        if (frame[k] != (unsigned char)(seed + (uint64_t)(depth * k))) fail("a frame changed at depth %d", depth);
    return below * 3 + frame[0];
}
static void* thread(void* result) {
    *(uint64_t*)result = dig(3000, 2);
    return NULL;
}
int main(void) {
    uint64_t first = dig(10000, 1), other;
    for (long i = 0; again(i, 30); i++) {
        check(dig(8000 + (int)(i % 4) * 500, 1) != 0);
        check(dig(10000, 1) == first, "another result");
        pthread_t t;
        zero(pthread_create(&t, NULL, thread, &other));
        zero(pthread_join(t, NULL));
        check(other == dig(3000, 2));
    }
    printf("%llx\n", (unsigned long long)first);
    pass();
}
