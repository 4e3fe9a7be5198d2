// SPDX-License-Identifier: Apache-2.0
// Memory: the four functions that compilers may call on their own; the runtime has no libc.
#pragma once
#include <stddef.h>

extern "C" {
void* memcpy(void* to, void const* from, size_t n);
void* memmove(void* to, void const* from, size_t n);
void* memset(void* to, int value, size_t n);
int memcmp(void const* a, void const* b, size_t n);
}
