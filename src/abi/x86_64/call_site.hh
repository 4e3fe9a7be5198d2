// SPDX-License-Identifier: Apache-2.0
// Call site: `mov $number, %eax; syscall`, as compilers and assemblers write a system call of a
// fixed number. Freestanding.
#pragma once

#include <stdint.h>

namespace rove::abi {

inline constexpr uint64_t call_site_mov = 5, call_site_size = 7; // bytes

/// `code`: the call_site_size bytes that end behind the `syscall`. -1: they are something else.
inline int number_at_call_site(unsigned char const* code) {
    if (code[0] != 0xb8 || code[5] != 0x0f || code[6] != 0x05) return -1;
    int32_t number;
    __builtin_memcpy(&number, code + 1, sizeof number);
    return number;
}

} // namespace rove::abi
