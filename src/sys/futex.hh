// SPDX-License-Identifier: Apache-2.0
// Futex: words in memory that other processes map as well, and sleep on.
#pragma once

#include <cstdint>

namespace rove::sys {

// One of those that wait for it.
void futex_wake(uint32_t const& word);

} // namespace rove::sys
