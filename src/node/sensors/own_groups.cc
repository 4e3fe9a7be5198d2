// SPDX-License-Identifier: Apache-2.0
// Own groups: asked once; a daemon is not moved between groups.
#include "node/sensors/own_groups.hh"

#include "sys/cgroup.hh"
#include "sys/files.hh"
#include "sys/mounts.hh"

namespace rove::node {

namespace {

// The kernel's numbers of its first namespaces.
constexpr ino_t first_pid_namespace = 0xeffffffc, first_cgroup_namespace = 0xeffffffb;

bool in_namespace(char const* path, ino_t number) {
    auto status = sys::stat(path);
    return status && status->st_ino == number;
}
bool sees_all_groups() {
    return in_namespace("/proc/self/ns/cgroup", first_cgroup_namespace);
}

} // namespace

bool is_whole_machine() {
    return in_namespace("/proc/self/ns/pid", first_pid_namespace);
}

std::vector<std::string> group_levels(std::string const& controller) {
    std::vector<std::string> levels;
    auto own = sys::Cgroup::own(), top = sys::Cgroup::top();
    auto lowest = own ? own->directory(controller) : std::nullopt;
    auto highest = top ? top->directory(controller) : std::nullopt;
    if (!lowest || !highest) return levels;
    for (std::string path = *lowest; path.size() >= highest->size(); path.resize(path.rfind('/'))) {
        levels.push_back(path);
        if (path.rfind('/') == std::string::npos) break;
    }
    return levels;
}

std::optional<std::string> node_group(std::string const& controller) {
    if (sees_all_groups()) return std::nullopt;
    auto top = sys::Cgroup::top();
    return top ? top->directory(controller) : std::nullopt;
}

std::optional<std::string> node_pressure_group() {
    auto mounts = sys::own_mounts();
    if (!mounts || sees_all_groups()) return std::nullopt;
    for (sys::Mount const& mount : *mounts)
        if (mount.type == "cgroup2") return mount.target;
    return std::nullopt;
}

bool is_unified() {
    auto own = sys::Cgroup::own();
    return own && own->unified();
}

} // namespace rove::node
