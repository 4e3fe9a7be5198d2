// SPDX-License-Identifier: Apache-2.0
// Cores: reading what limits them.
#include "node/sensors/cores.hh"

#include <algorithm>

#include <sched.h>

#include "node/sensors/own_groups.hh"
#include "sys/cgroup_files.hh"

namespace rove::node {

namespace {

constexpr double cores_least = 0.01;

size_t affinity() {
    cpu_set_t set;
    int count = ::sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return static_cast<size_t>(count);
}

} // namespace

double cores_granted(
    size_t affinity, std::vector<double> const& quotas, std::optional<size_t> cpuset) {
    auto cores = static_cast<double>(affinity);
    if (cpuset) cores = std::min(cores, static_cast<double>(*cpuset));
    for (double quota : quotas)
        cores = std::min(cores, quota);
    return std::max(cores, cores_least);
}

std::optional<double> quota_of(std::string_view quota, std::string_view period) {
    auto parsed = period.empty() ? sys::parse_cpu_max(quota) : sys::parse_cfs(quota, period);
    return parsed ? *parsed : std::nullopt;
}

Cores::Cores() {
    bool unified = is_unified();
    for (std::string const& level : group_levels("cpu")) {
        if (unified)
            quotas_.push_back({sys::KeptFile(level + "/cpu.max"), std::nullopt});
        else
            quotas_.push_back({sys::KeptFile(level + "/cpu.cfs_quota_us"),
                sys::KeptFile(level + "/cpu.cfs_period_us")});
    }
    // Those without limits of that kind, as the root is.
    std::erase_if(quotas_, [](Quota const& each) { return !each.quota; });
    for (std::string const& level : group_levels("cpuset"))
        if (sys::KeptFile file(level + (unified ? "/cpuset.cpus.effective" : "/cpuset.cpus")); file)
            cpusets_.push_back(std::move(file));
}

double Cores::read() const {
    std::vector<double> quotas;
    char text[1024], period[64];
    for (Quota const& each : quotas_) {
        std::string_view quota = each.quota.read(text);
        if (auto cores = quota_of(quota, each.period ? each.period->read(period) : ""))
            quotas.push_back(*cores);
    }
    std::optional<size_t> cpuset;
    for (sys::KeptFile const& each : cpusets_)
        if (auto cpus = sys::parse_cpu_list(each.read(text)); !cpuset && cpus && !cpus->empty())
            cpuset = cpus->size();
    return cores_granted(affinity(), quotas, cpuset);
}

} // namespace rove::node
