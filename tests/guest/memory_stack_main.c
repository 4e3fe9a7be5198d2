// SPDX-License-Identifier: Apache-2.0
// memory_stack_main: the main thread's stack keeps its attributes: pthread_getattr_np finds it, and it still grows later.
#include "guest.h"

static long depth_kib(int kib) {
    volatile char frame[1024];
    frame[0] = (char)kib, frame[1023] = 1;
    return kib == 0 ? 0 : frame[1023] + depth_kib(kib - 1) + (frame[0] != (char)kib);
}
int main(void) {
    pthread_attr_t attr;
    void *base, *base_before = NULL;
    size_t size, size_before = 0;
    int kib = 200;
    for (long i = 0; again(i, 30); i++) {
        zero(pthread_getattr_np(pthread_self(), &attr));
        zero(pthread_attr_getstack(&attr, &base, &size));
        pthread_attr_destroy(&attr);
        char here;
        check(&here >= (char*)base && &here < (char*)base + size, "the stack is not where it is said to be");
        if (i > 0) check((char*)base + size == (char*)base_before + size_before, "the top of the stack moved");
        base_before = base, size_before = size;
        equal(depth_kib(kib), kib);
        if (kib < 6000) kib += 200;
    }
    pass();
}
