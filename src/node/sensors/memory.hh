// SPDX-License-Identifier: Apache-2.0
// Memory: how much this node has and how much of it is free, its own limits included.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.hh"

namespace rove::node {

struct MemoryState {
    uint64_t total = 0, free = 0;
};

// MemTotal and MemAvailable of a /proc/meminfo text.
Result<MemoryState> parse_meminfo(std::string_view text);

MemoryState memory_state();

} // namespace rove::node
