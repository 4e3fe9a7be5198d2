// SPDX-License-Identifier: Apache-2.0
// Memory: by words and string instructions, which need no vector registers (the program's are
// live).
//
// A string instruction takes some 20 ns to begin, so what is small goes by words.
#include "rt/memory.hh"

#include <stdint.h>

namespace {
constexpr size_t small = 256;
}

extern "C" {

__attribute__((used)) void* memcpy(void* to, void const* from, size_t n) {
    void* result = to;
    if (n <= small) {
        auto* d = static_cast<unsigned char*>(to);
        auto const* s = static_cast<unsigned char const*>(from);
        for (; n >= 8; n -= 8, d += 8, s += 8) {
            uint64_t word;
            asm volatile("mov %1, %0" : "=r"(word) : "m"(*reinterpret_cast<uint64_t const*>(s)));
            asm volatile("mov %1, %0" : "=m"(*reinterpret_cast<uint64_t*>(d)) : "r"(word));
        }
        for (; n > 0; --n, ++d, ++s) {
            *d = *s;
            asm volatile("" : : : "memory"); // or the compiler sees a memcpy and calls itself
        }
        return result;
    }
    asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
    return result;
}

__attribute__((used)) void* memmove(void* to, void const* from, size_t n) {
    auto* d = static_cast<unsigned char*>(to);
    auto const* s = static_cast<unsigned char const*>(from);
    if (d <= s || d >= s + n) return memcpy(to, from, n);
    void* last_to = d + n - 1;
    void const* last_from = s + n - 1;
    asm volatile("std\n\trep movsb\n\tcld" : "+D"(last_to), "+S"(last_from), "+c"(n) : : "memory");
    return to;
}

__attribute__((used)) void* memset(void* to, int value, size_t n) {
    void* result = to;
    if (n <= small) {
        auto* d = static_cast<unsigned char*>(to);
        uint64_t word = 0x0101010101010101 * static_cast<unsigned char>(value);
        for (; n >= 8; n -= 8, d += 8)
            asm volatile("mov %1, %0" : "=m"(*reinterpret_cast<uint64_t*>(d)) : "r"(word));
        for (; n > 0; --n, ++d) {
            *d = static_cast<unsigned char>(value);
            asm volatile("" : : : "memory"); // or the compiler sees a memset and calls itself
        }
        return result;
    }
    asm volatile("rep stosb" : "+D"(to), "+c"(n) : "a"(value) : "memory");
    return result;
}

__attribute__((used)) int memcmp(void const* a, void const* b, size_t n) {
    auto const* x = static_cast<unsigned char const*>(a);
    auto const* y = static_cast<unsigned char const*>(b);
    for (size_t i = 0; i < n; ++i) {
        if (x[i] != y[i]) return x[i] < y[i] ? -1 : 1;
        asm volatile("" : : : "memory"); // or the compiler sees a memcmp and calls itself
    }
    return 0;
}
}
