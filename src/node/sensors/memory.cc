// SPDX-License-Identifier: Apache-2.0
// Memory: /proc/meminfo against the cgroup's limit.
#include "node/sensors/memory.hh"

#include <algorithm>

#include "base/text.hh"
#include "sys/cgroup.hh"
#include "sys/files.hh"

namespace rove::node {

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
    }
    if (!total || !free) return fail(EBADMSG, "no MemTotal or MemAvailable");
    return state;
}

MemoryState memory_state() {
    MemoryState state;
    if (auto text = sys::read_file("/proc/meminfo"))
        if (auto parsed = parse_meminfo(*text)) state = *parsed;
    // The node's whole group: in a lab the limit stands there, not on the daemon's own.
    auto group = sys::Cgroup::own();
    auto top = sys::Cgroup::top();
    if (!group || !top) return state;
    auto limit = group->memory_limit();
    if (!limit || *limit >= state.total) return state;
    state.total = *limit;
    if (auto used = top->memory_used())
        state.free = std::min(state.free, *limit > *used ? *limit - *used : 0);
    return state;
}

} // namespace rove::node
