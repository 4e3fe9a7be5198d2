// SPDX-License-Identifier: Apache-2.0
// GroupCpu: reading it.
#include "node/sensors/group_cpu.hh"

#include <algorithm>

#include "base/text.hh"
#include "node/sensors/own_groups.hh"
#include "sys/cgroup_files.hh"

namespace rove::node {

namespace {

std::string usage_file() {
    auto group = node_group("cpuacct");
    if (!group) return "";
    return *group + (is_unified() ? "/cpu.stat" : "/cpuacct.usage");
}

} // namespace

std::optional<Nanos> parse_group_cpu(std::string_view text) {
    if (auto ns = parse_number<int64_t>(trim(text)); ns && *ns >= 0) return Nanos(*ns);
    auto us = sys::parse_keyed(text, "usage_usec");
    constexpr uint64_t us_max = INT64_MAX / 1000;
    if (!us || *us > us_max) return std::nullopt;
    return std::chrono::microseconds(*us);
}

GroupCpu::GroupCpu() : file_(usage_file()) {}

std::optional<double> GroupCpu::used_since_before(Nanos now) {
    char text[1024];
    auto used = parse_group_cpu(file_.read(text));
    if (used) *used -= clock_now(CLOCK_PROCESS_CPUTIME_ID);
    std::optional<double> cores;
    if (used && before_ && now > asked_) {
        double share = static_cast<double>((*used - *before_).count()) /
                       static_cast<double>((now - asked_).count());
        cores = std::max(0.0, share);
    }
    before_ = used;
    asked_ = now;
    return cores;
}

} // namespace rove::node
