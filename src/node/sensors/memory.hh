// SPDX-License-Identifier: Apache-2.0
// Memory: how much this node has and how much of it is free, limits of all its groups included.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.hh"
#include "sys/kept_file.hh"

namespace rove::node {

struct MemoryState {
    uint64_t total = 0, free = 0;
};

// MemTotal and MemAvailable of a /proc/meminfo text.
Result<MemoryState> parse_meminfo(std::string_view text);

// What a group's files say: memory.limit_in_bytes, memory.usage_in_bytes and memory.stat, or
// memory.max, memory.current and memory.stat.
struct GroupMemory {
    std::optional<uint64_t> limit; // none: no limit
    uint64_t used = 0;
    uint64_t file_cache = 0; // of it, that the kernel gives up first
};
// None if the texts make no sense.
std::optional<GroupMemory> parse_group_memory(
    std::string_view limit, std::string_view used, std::string_view stat);

// What is left under a limit counts, if that is less than what the machine has.
MemoryState limited(MemoryState machine, GroupMemory const& group);

class Memory {
public:
    Memory();
    MemoryState read() const;

private:
    struct Level {
        sys::KeptFile limit, used, stat;
    };
    sys::KeptFile machine_;
    std::vector<Level> levels_; // lowest first
};

} // namespace rove::node
