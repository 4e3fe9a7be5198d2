// SPDX-License-Identifier: Apache-2.0
// Program group: making, reading and removing it.
#include "node/program_group.hh"

#include <unistd.h>

#include "base/text.hh"
#include "sys/cgroup.hh"
#include "sys/files.hh"

namespace rove::node {

Result<std::string> present_group(pid_t pid) {
    sys::Cgroup present = TRY(sys::Cgroup::of(pid));
    if (auto freezer = present.directory("freezer")) return *freezer;
    auto all = present.directories();
    if (all.empty()) return deny(ENOTSUP, "this machine has no cgroups that Rove could use");
    return all.front();
}

std::string beside_programs(std::string group) {
    for (size_t slash; (slash = group.rfind('/')) != std::string::npos &&
                       std::string_view(group).substr(slash + 1).starts_with(program_prefix);)
        group.resize(slash);
    return group;
}

Result<std::string> make_program_group(pid_t pid, std::string const& name) {
    std::string directory = beside_programs(TRY(present_group(pid))) + "/" + name;
    TRY(sys::make_directory(directory));
    if (Status entered = enter_program_group(directory, pid); !entered) {
        (void)sys::remove_directory(directory);
        return tl::unexpected(entered.error());
    }
    return directory;
}

Status enter_program_group(std::string const& directory, pid_t pid) {
    return sys::write_knob(directory + "/cgroup.procs", std::to_string(pid));
}

namespace {
std::vector<std::string> below(std::string const& directory) {
    std::vector<std::string> found;
    // A directory of cgroups has a link for each that is in it: mostly there are only files.
    auto own = sys::stat(directory);
    if (!own || own->st_nlink == 2) return found;
    auto names = sys::list_directory(directory);
    if (!names) return found;
    for (std::string const& name : *names) {
        auto status = sys::stat(directory + "/" + name);
        if (status && S_ISDIR(status->st_mode)) found.push_back(directory + "/" + name);
    }
    return found;
}
} // namespace

std::vector<pid_t> program_group_members(std::string const& directory) {
    std::vector<pid_t> members;
    auto text = sys::read_file(directory + "/cgroup.procs");
    if (!text) return members;
    for (std::string_view line : lines(*text))
        if (auto pid = parse_number<pid_t>(line); pid && *pid > 0) members.push_back(*pid);
    for (std::string const& inner : below(directory)) {
        auto more = program_group_members(inner);
        members.insert(members.end(), more.begin(), more.end());
    }
    return members;
}

Status remove_program_group(std::string const& directory) {
    for (std::string const& inner : below(directory))
        TRY(remove_program_group(inner));
    return sys::remove_directory(directory);
}

} // namespace rove::node
