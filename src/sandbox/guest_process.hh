// SPDX-License-Identifier: Apache-2.0
// Guest process: a new process with the PID it has at home and nothing of the host's in sight.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

#include "base/clock.hh"
#include "base/fd.hh"
#include "base/result.hh"

namespace rove::sandbox {

/// The children of this process will see CLOCK_MONOTONIC and CLOCK_BOOTTIME that much ahead of
/// ours.
Status set_clocks(Nanos monotonic, Nanos boottime);

struct Newborn {
    pid_t pid = 0;
    Fd pidfd;
};

/// Clones a process with this PID into the time namespace of set_clocks(), and into `joined`, what
/// kept_namespaces() has said of another guest; or else into new and empty net, mount, ipc, uts and
/// cgroup namespaces, which take their time to make. `enter` runs there with the memory of the
/// caller; it must not return.
Result<Newborn> clone_guest(
    pid_t pid, std::vector<Fd> const& joined, std::function<void()> const& enter);
/// `pid`: as this process's /proc names it.
Result<std::vector<Fd>> kept_namespaces(pid_t pid);

// For the new process itself:

/// An empty read-only root directory, and no way back to the host's.
Status leave_host_files();
/// The descriptors get the numbers that stand beside them; all others are closed.
Status keep_only_descriptors(std::vector<std::pair<int, int>> const& wanted);
/// Registrations with the kernel that point into memory which is about to vanish.
void forget_libc();

} // namespace rove::sandbox
