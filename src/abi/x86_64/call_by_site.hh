// SPDX-License-Identifier: Apache-2.0
// Call by site: a system call of a fixed number written as in call_site.hh, so that the runtime of
// a guest can turn it into a jump. C libraries' syscall() has the number in a variable: each call
// of a guest by that traps. The site lies within one aligned word, so that it can be changed while
// other threads may execute it (guest/patch.cc).
#pragma once

#include <stdint.h>

namespace rove::abi {

/// The kernel's answer; an error is a negative errno value. Who wants one site has one caller that
/// is not inlined.
template <uint32_t number>
inline long call_by_site(uint64_t a, uint64_t b, uint64_t c, uint64_t d) {
    long result;
    register uint64_t fourth asm("r10") = d;
    asm volatile(".balign 8\n\tmov %[number], %%eax\n\tsyscall"
                 : "=&a"(result)
                 : [number] "i"(number), "D"(a), "S"(b), "d"(c), "r"(fourth)
                 : "rcx", "r11", "memory");
    return result;
}

} // namespace rove::abi
