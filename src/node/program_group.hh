// SPDX-License-Identifier: Apache-2.0
// Program group: the cgroup that makes a program of a process and all its descendants.
//
// v1: a directory of the freezer hierarchy below the one the process is in, so its limits stay.
// v2: a child of the process's present group, for the same reason. Membership is inherited by fork
// and survives setsid and double forks; nobody is traced for it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "base/result.hh"

namespace rove::node {

// What the names of programs' groups begin with.
inline constexpr std::string_view program_prefix = "rove-program-";
// The directory of the group that the process is in, of the hierarchy in which programs have
// theirs.
Result<std::string> present_group(pid_t pid);
// The group around the programs that this one is in, itself among them.
std::string beside_programs(std::string group);
// Made and entered; the directory's path. If the process is in a program's group, the new one is
// beside that: groups in groups are read again for each that is around them.
Result<std::string> make_program_group(pid_t pid, std::string const& name);
Status enter_program_group(std::string const& directory, pid_t pid);
// Of it and of all groups below; empty if it is gone.
std::vector<pid_t> program_group_members(std::string const& directory);
// With all groups below; fails with EBUSY while anybody is in.
Status remove_program_group(std::string const& directory);

} // namespace rove::node
