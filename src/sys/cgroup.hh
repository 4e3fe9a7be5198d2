// SPDX-License-Identifier: Apache-2.0
// Cgroup: a group of processes with limits, the same for v1 and v2.
//
// In v1 a group is one directory of the same name in each controller's hierarchy; in v2 it is one
// directory. A value of this class names a group and owns nothing: groups stay until remove().
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "base/clock.hh"
#include "base/result.hh"

namespace rove::sys {

class Cgroup {
public:
    // The highest group this process sees, and the one it is in.
    static Result<Cgroup> top();
    static Result<Cgroup> own();
    // The group that pid is in.
    static Result<Cgroup> of(pid_t pid);

    bool unified() const { return unified_; }
    // The group's directory for a controller ("cpu" "cpuacct" "cpuset" "memory" "freezer" "pids");
    // none if the machine lacks it. In v2 all are the same.
    std::optional<std::string> directory(std::string const& controller) const;
    // Each directory once: one in v2, one per hierarchy in v1.
    std::vector<std::string> directories() const;
    // For Spawn::cgroup_procs.
    std::vector<std::string> procs_files() const;
    // In some hierarchy: a group that was made or removed by halves has to be removed, too.
    bool exists() const;

    // A group of this name (one path component) below this one, made if it is missing. In v2 its
    // controllers are turned on as far as the kernel lets us: a limit that cannot be set fails when
    // it is set.
    Result<Cgroup> create(std::string const& name) const;
    // The same without making it.
    Cgroup child(std::string const& name) const;
    // Names of the groups directly below.
    Result<std::vector<std::string>> children() const;

    Status add(pid_t pid) const;
    // Of this group and of all below; each PID once.
    Result<std::vector<pid_t>> members() const;

    // 0 removes the limit.
    Status set_cpus(double cores) const;
    // Memory and, if given, how much may be swapped out beyond it.
    Status set_memory(uint64_t bytes, std::optional<uint64_t> swap_bytes) const;
    // 1 … 10000; 100 is everybody's.
    Status set_cpu_weight(unsigned weight) const;
    Status set_pids(uint64_t count) const;
    // "0-2,5"
    Status set_cpuset(std::string const& cpus) const;

    // What this group and those above it that can be seen grant: none is no limit.
    std::optional<double> cpus_limit() const;
    std::optional<uint64_t> memory_limit() const;
    std::optional<std::vector<int>> cpuset() const;
    Result<uint64_t> memory_used() const;
    // How many processes directly in the group of this directory, of the memory controller, the
    // kernel has ended for want of memory.
    static Result<uint64_t> killed_for_memory(std::string const& directory);
    // CPU time of all members, past ones included.
    Result<Nanos> cpu_time() const;

    // Returns when every member stands still; fails with ETIMEDOUT otherwise, thawed again.
    Status freeze(Nanos timeout) const;
    Status thaw() const;
    // Whether its members stand still, or are about to: by this group or one above it.
    Result<bool> frozen() const;
    // The file that tells it, if the machine has such groups, and what that file's text says.
    std::optional<std::string> freezer_file() const;
    static bool says_frozen(std::string_view text);
    // SIGKILL for all members, again until none is left.
    Status kill_all(Nanos timeout) const;
    // This group and all below; waits for members that are about to be gone. Missing is fine.
    Status remove(Nanos timeout = std::chrono::seconds(2)) const;

private:
    struct Directory {
        std::string top;
        std::string path;
    };
    static Result<Cgroup> from(std::string const& proc_cgroup);
    Result<std::string> knob(std::string const& controller, std::string const& file) const;
    Result<std::string> read(std::string const& controller, std::string const& file) const;
    Status write(
        std::string const& controller, std::string const& file, std::string const& text) const;
    template <class Visit> void each_level(std::string const& controller, Visit visit) const;

    bool unified_ = false;
    std::map<std::string, Directory> controllers_;
};

} // namespace rove::sys
