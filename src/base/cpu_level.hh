// SPDX-License-Identifier: Apache-2.0
// CPU level: the four sets of instructions that the x86-64 psABI names, by which compilers,
// distributions and users say how new a CPU has to be.
//
// Numbers are kept in files of the daemon: they are the levels' own and do not change.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace rove {

enum class CpuLevel : uint8_t { any = 0, v1, v2, v3, v4 };

inline constexpr std::string_view cpu_level_names[] = {
    "", "x86-64", "x86-64-v2", "x86-64-v3", "x86-64-v4"};

// "x86-64-v3" or, in short, "v3".
constexpr std::optional<CpuLevel> parse_cpu_level(std::string_view text) {
    constexpr std::string_view shorts[] = {"", "v1", "v2", "v3", "v4"};
    for (uint8_t level = 1; level <= 4; ++level)
        if (text == cpu_level_names[level] || text == shorts[level]) return CpuLevel{level};
    return {};
}
constexpr std::string_view cpu_level_name(CpuLevel level) {
    return cpu_level_names[static_cast<uint8_t>(level)];
}

} // namespace rove
