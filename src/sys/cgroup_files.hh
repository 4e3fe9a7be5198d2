// SPDX-License-Identifier: Apache-2.0
// Cgroup files: what the kernel writes into them, as values. Pure functions of text.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "base/clock.hh"
#include "base/result.hh"
#include "sys/mounts.hh"

namespace rove::sys {

// A line of /proc/PID/cgroup. v2's line has no controllers.
struct CgroupLine {
    std::vector<std::string> controllers;
    std::string path;
};
Result<std::vector<CgroupLine>> parse_proc_cgroup(std::string_view text);

// "max" and the huge numbers that v1 uses for it are none.
Result<std::optional<uint64_t>> parse_limit(std::string_view text);
// v2's cpu.max, "50000 100000" or "max 100000": cores.
Result<std::optional<double>> parse_cpu_max(std::string_view text);
// v1's cpu.cfs_quota_us and cpu.cfs_period_us; a negative quota is none.
Result<std::optional<double>> parse_cfs(std::string_view quota, std::string_view period);
// "key value" lines, such as cpu.stat, memory.stat, cgroup.events: the value of key.
Result<uint64_t> parse_keyed(std::string_view text, std::string_view key);
// One PID per line.
Result<std::vector<pid_t>> parse_members(std::string_view text);
// "0-2,5": as in cpuset.cpus; sorted, each at most 8191.
Result<std::vector<int>> parse_cpu_list(std::string_view text);

// Where each controller's hierarchy is mounted, and which directory of it is this process's own.
struct CgroupPlace {
    std::string top; // the mount point: the highest group that can be seen
    std::string own;
};
struct CgroupPlaces {
    bool unified = false; // v2 for everything
    // By controller: "cpu" "cpuacct" "cpuset" "memory" "freezer" "pids". Those that are missing are
    // not there. In v2 all name the same place.
    std::map<std::string, CgroupPlace> controllers;
};
// v1 wins where it has a memory controller, since then v2 cannot have it.
Result<CgroupPlaces> find_cgroup_places(
    std::vector<Mount> const& mounts, std::vector<CgroupLine> const& own);

} // namespace rove::sys
