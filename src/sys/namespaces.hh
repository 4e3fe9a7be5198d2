// SPDX-License-Identifier: Apache-2.0
// Namespaces: leaving, entering and mapping users into them.
#pragma once

#include <string>
#include <vector>

#include <sched.h>
#include <sys/types.h>

#include "base/clock.hh"
#include "base/fd.hh"
#include "base/result.hh"

namespace rove::sys {

// flags: CLONE_NEW…
Status unshare(int flags);
// A pidfd (any set of flags) or a descriptor of /proc/PID/ns/… (its flag, or 0).
Status enter_namespaces(int fd, int flags);
// name: "net", "pid", "mnt", "user", "ipc", "uts", "time", "pid_for_children", "time_for_children".
Result<Fd> open_namespace(pid_t pid, std::string const& name);
// Inode of the namespace that pid is in: equal numbers are equal namespaces.
Result<uint64_t> namespace_id(pid_t pid, std::string const& name);

struct IdRange {
    uint32_t inside = 0;
    uint32_t outside = 0;
    uint32_t count = 1;
};
// Writes the maps of the user namespace that pid is in; `deny_setgroups` is what a writer without
// CAP_SETGID in the parent namespace needs.
Status write_uid_map(pid_t pid, std::vector<IdRange> const& ranges);
Status write_gid_map(pid_t pid, std::vector<IdRange> const& ranges, bool deny_setgroups);

// For the time namespace that this process's children will be in; before the first of them.
Status set_clock_offsets(Nanos monotonic, Nanos boottime);

Status set_host_name(std::string const& name);

} // namespace rove::sys
