// SPDX-License-Identifier: Apache-2.0
// Mounts: mounting, and reading what is mounted.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <sys/mount.h>

#include "base/result.hh"

namespace rove::sys {

// options: the file system's own, such as "size=1m,mode=755".
Status mount(std::string const& source, std::string const& target, std::string const& type,
    unsigned long flags = 0, std::string const& options = "");
Status bind_mount(std::string const& source, std::string const& target, bool recursive = false);
// For the mount at target and all below it: MS_PRIVATE or MS_SLAVE.
Status set_propagation(std::string const& target, unsigned long kind);
// At once out of sight; gone when its last user is (MNT_DETACH). Nothing mounted there is fine.
Status unmount(std::string const& target);
// `put_old` is below `new_root`, which is a mount point.
Status pivot_root(std::string const& new_root, std::string const& put_old);

struct Mount {
    std::string target;
    std::string root; // which part of the file system
    std::string type; // "cgroup", "cgroup2", "ext4" …
    std::string source;
    std::string super_options; // for a v1 cgroup, the names of its controllers are among them
};
// The content of /proc/PID/mountinfo; lines that do not parse are an error.
Result<std::vector<Mount>> parse_mountinfo(std::string_view text);
Result<std::vector<Mount>> own_mounts();

} // namespace rove::sys
