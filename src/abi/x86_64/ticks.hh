// SPDX-License-Identifier: Apache-2.0
// Ticks: the processor's own count of time, which costs some nanoseconds to read. Freestanding.
#pragma once

#include <stdint.h>

namespace rove::abi {

/// Of a unit that is the same for all processors of a machine and is measured against a clock.
inline uint64_t ticks() {
    uint32_t low, high;
    asm volatile("rdtsc" : "=a"(low), "=d"(high));
    return static_cast<uint64_t>(high) << 32 | low;
}

} // namespace rove::abi
