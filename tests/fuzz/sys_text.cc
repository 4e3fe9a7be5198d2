// SPDX-License-Identifier: Apache-2.0
// Fuzz target: the readers of what the kernel writes: mountinfo, cgroup files, stat.
// uses: base sys
#include "sys/cgroup_files.hh"
#include "sys/mounts.hh"
#include "sys/process.hh"
#include "sys/sockets.hh"

using namespace rove;

extern "C" int LLVMFuzzerTestOneInput(uint8_t const* bytes, size_t size) {
    std::string_view text(reinterpret_cast<char const*>(bytes), size);
    auto mounts = sys::parse_mountinfo(text);
    auto own = sys::parse_proc_cgroup(text);
    // Both from one input: the first half of its lines may be the mounts, the rest the groups.
    size_t middle = text.find("\n\n");
    if (middle != std::string_view::npos) {
        mounts = sys::parse_mountinfo(text.substr(0, middle + 1));
        own = sys::parse_proc_cgroup(text.substr(middle + 2));
    }
    if (mounts && own) (void)sys::find_cgroup_places(*mounts, *own);
    (void)sys::parse_limit(text);
    (void)sys::parse_cpu_max(text);
    (void)sys::parse_cfs(text.substr(0, size / 2), text.substr(size / 2));
    (void)sys::parse_keyed(text, "usage_usec");
    (void)sys::parse_members(text);
    (void)sys::parse_cpu_list(text);
    (void)sys::parse_start_time(text);
    (void)sys::Endpoint::parse(std::string(text), 1);
    return 0;
}
