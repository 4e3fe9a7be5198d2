// SPDX-License-Identifier: Apache-2.0
// Standstill: whether a process stands still, by a signal or by its cgroup.
//
// No event tells either, so it is asked again and again for as long as the process is away; the
// files that tell are opened once.
#pragma once

#include <string>

#include <sys/types.h>

#include "base/clock.hh"
#include "sys/kept_file.hh"

namespace rove::migrate {

class Standstill {
public:
    explicit Standstill(pid_t pid);
    // SIGSTOP and its like.
    bool by_signal() const;
    // Its cgroup, or one above, is frozen or about to be. That it has been put into another group
    // is seen after a second.
    bool by_group();

private:
    sys::KeptFile stat_, cgroup_;
    std::string group_; // that freezer_ belongs to, as of then
    Nanos group_looked_{-std::chrono::seconds(2)};
    sys::KeptFile freezer_;
    pid_t pid_;
};

} // namespace rove::migrate
