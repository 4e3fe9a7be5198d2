// SPDX-License-Identifier: Apache-2.0
// Memory: /proc/meminfo against the groups' limits.
#include "node/sensors/memory.hh"

#include <algorithm>

#include "base/text.hh"
#include "node/sensors/own_groups.hh"
#include "sys/cgroup_files.hh"

namespace rove::node {

namespace {

// v1 tells a group's own and all below it apart, v2 always means all.
uint64_t inactive_file(std::string_view stat) {
    for (char const* key : {"total_inactive_file", "inactive_file"})
        if (auto bytes = sys::parse_keyed(stat, key)) return *bytes;
    return 0;
}

} // namespace

Result<MemoryState> parse_meminfo(std::string_view text) {
    MemoryState state;
    bool total = false, free = false;
    for (std::string_view line : lines(text)) {
        auto parts = words(line);
        if (parts.size() < 2) continue;
        if (parts[0] == "MemTotal:") {
            state.total = TRY(parse_number<uint64_t>(parts[1])) * 1024;
            total = true;
        } else if (parts[0] == "MemAvailable:") {
            state.free = TRY(parse_number<uint64_t>(parts[1])) * 1024;
            free = true;
        }
        if (total && free) return state;
    }
    return fail(EBADMSG, "no MemTotal or MemAvailable");
}

std::optional<GroupMemory> parse_group_memory(
    std::string_view limit, std::string_view used, std::string_view stat) {
    auto most = sys::parse_limit(limit);
    auto now = parse_number<uint64_t>(trim(used));
    if (!most || !now) return std::nullopt;
    GroupMemory group;
    group.limit = *most;
    group.used = *now;
    group.file_cache = inactive_file(stat);
    return group;
}

MemoryState limited(MemoryState machine, GroupMemory const& group) {
    if (!group.limit || *group.limit >= machine.total) return machine;
    // The counters are not of one moment.
    uint64_t held = group.used - std::min(group.used, group.file_cache);
    uint64_t left = *group.limit - std::min(*group.limit, held);
    return {*group.limit, std::min(machine.free, left)};
}

Memory::Memory() : machine_("/proc/meminfo") {
    bool unified = is_unified();
    for (std::string const& level : group_levels("memory")) {
        Level each{sys::KeptFile(level + (unified ? "/memory.max" : "/memory.limit_in_bytes")),
            sys::KeptFile(level + (unified ? "/memory.current" : "/memory.usage_in_bytes")),
            sys::KeptFile(level + "/memory.stat")};
        // The root of v2 has no limit.
        if (each.limit) levels_.push_back(std::move(each));
    }
}

MemoryState Memory::read() const {
    MemoryState state;
    char text[8192], limit[64], used[64];
    if (auto parsed = parse_meminfo(machine_.read(text))) state = *parsed;
    for (Level const& level : levels_) {
        std::string_view most = level.limit.read(limit);
        auto parsed = sys::parse_limit(most);
        // memory.stat is dear, and not needed for a group without a limit.
        if (!parsed || !*parsed || **parsed >= state.total) continue;
        auto group = parse_group_memory(most, level.used.read(used), level.stat.read(text));
        if (group) state = limited(state, *group);
    }
    return state;
}

} // namespace rove::node
