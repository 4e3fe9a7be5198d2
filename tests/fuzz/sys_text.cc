// SPDX-License-Identifier: Apache-2.0
// Fuzz target: the readers of what the kernel writes: mountinfo, cgroup files, stat, status; and
// the names of such files, as a program gives them.
// uses: base sys image tracee/proc syscalls/proc_path
#include <cstdlib>

#include "sys/cgroup_files.hh"
#include "sys/mounts.hh"
#include "sys/process.hh"
#include "sys/sockets.hh"
#include "syscalls/proc_path.hh"
#include "tracee/proc.hh"

using namespace rove;

namespace {
void process_files(std::string_view text) {
    (void)tracee::parse_stat(text);
    (void)tracee::parse_inner_pid(text);
    (void)tracee::parse_limit(text, "Max open files");
    int32_t number = -1;
    auto kind = syscalls::classify_proc_path(text.data(), text.size(), 1234, &number);
    if (kind == syscalls::ProcPath::descriptor && number < 0) std::abort();
    (void)syscalls::may_be_proc_path(text.data(), text.size());
    std::string counted(text);
    size_t const length = syscalls::count_one_less(counted.data(), counted.size());
    if (length > counted.size() || counted.size() - length > 1) std::abort();
}
} // namespace

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
    process_files(text);
    return 0;
}
