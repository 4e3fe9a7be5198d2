// SPDX-License-Identifier: Apache-2.0
// memory_code: code that the program writes for itself runs, and is changed again between calls (as a JIT does).
#include "guest.h"

int main(void) {
    unsigned char* code = must(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    for (long i = 0; again(i, 2000); i++) {
        int32_t number = (int32_t)(i * 2654435761u);
        must(mprotect(code, 4096, PROT_READ | PROT_WRITE));
        code[0] = 0xb8; // mov $number, %eax; ret
        memcpy(code + 1, &number, 4);
        code[5] = 0xc3;
        must(mprotect(code, 4096, PROT_READ | PROT_EXEC));
        int (*function)(void);
        memcpy(&function, &code, sizeof function);
        equal(function(), number);
    }
    pass();
}
