// SPDX-License-Identifier: Apache-2.0
// Namespaces: the wrappers.
#include "sys/namespaces.hh"

#include <unistd.h>

#include "sys/files.hh"

namespace rove::sys {

Status unshare(int flags) {
    if (::unshare(flags) != 0) return fail(errno, "cannot make namespaces {:#x}", flags);
    return {};
}

Status enter_namespaces(int fd, int flags) {
    if (::setns(fd, flags) != 0) return fail(errno, "cannot enter namespaces {:#x}", flags);
    return {};
}

Result<Fd> open_namespace(pid_t pid, std::string const& name) {
    return open(fmt::format("/proc/{}/ns/{}", pid, name), O_RDONLY);
}

Result<uint64_t> namespace_id(pid_t pid, std::string const& name) {
    return TRY(stat(fmt::format("/proc/{}/ns/{}", pid, name))).st_ino;
}

namespace {
std::string map_text(std::vector<IdRange> const& ranges) {
    std::string text;
    for (IdRange const& range : ranges)
        text += fmt::format("{} {} {}\n", range.inside, range.outside, range.count);
    return text;
}
} // namespace

Status write_uid_map(pid_t pid, std::vector<IdRange> const& ranges) {
    return write_knob(fmt::format("/proc/{}/uid_map", pid), map_text(ranges));
}

Status write_gid_map(pid_t pid, std::vector<IdRange> const& ranges, bool deny_setgroups) {
    if (deny_setgroups) TRY(write_knob(fmt::format("/proc/{}/setgroups", pid), "deny"));
    return write_knob(fmt::format("/proc/{}/gid_map", pid), map_text(ranges));
}

namespace {
std::string offset_text(char const* clock, Nanos offset) {
    // The kernel wants 0 <= nanoseconds < 1 s, also for a negative offset.
    int64_t seconds = offset.count() / 1000000000;
    int64_t rest = offset.count() % 1000000000;
    if (rest < 0) {
        rest += 1000000000;
        --seconds;
    }
    return fmt::format("{} {} {}\n", clock, seconds, rest);
}
} // namespace

Status set_clock_offsets(Nanos monotonic, Nanos boottime) {
    return write_knob("/proc/self/timens_offsets",
        offset_text("monotonic", monotonic) + offset_text("boottime", boottime));
}

Status set_host_name(std::string const& name) {
    if (::sethostname(name.data(), name.size()) != 0)
        return fail(errno, "cannot set the host name {}", name);
    return {};
}

} // namespace rove::sys
