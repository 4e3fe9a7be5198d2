// SPDX-License-Identifier: Apache-2.0
// Sys: raw system calls for the runtime. Results are the kernel's own: negative is -errno.
#pragma once

#include <stdint.h>

extern "C" long rove_syscall(
    long number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f);
/// One that can be called off, see syscall.S. `outcome`: 0 made, result returned · 1 not made, make
/// it again · 2 ended by a signal as SA_RESTART calls end. 1 and 2 return -ERESTARTSYS (-512).
extern "C" long rove_call(
    long number, uint64_t const args[6], uint32_t volatile* stop, uint32_t* outcome);
extern "C" char rove_entry_call_begin[], rove_entry_call_syscall[], rove_entry_call_end[],
    rove_entry_call_cancelled[], rove_entry_call_interrupted[];

namespace rove::rt {

/// A value as the kernel takes it: signed ones extend.
template <class T> inline uint64_t word(T value) {
    return static_cast<uint64_t>(value);
}
template <class T> inline uint64_t word(T* value) {
    return reinterpret_cast<uint64_t>(value);
}
template <class T> inline uint64_t word(T volatile* value) {
    return reinterpret_cast<uint64_t>(value);
}

template <class A = int, class B = int, class C = int, class D = int, class E = int, class F = int>
inline long sys(long number, A a = 0, B b = 0, C c = 0, D d = 0, E e = 0, F f = 0) {
    return rove_syscall(number, word(a), word(b), word(c), word(d), word(e), word(f));
}

} // namespace rove::rt
