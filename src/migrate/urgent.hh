// SPDX-License-Identifier: Apache-2.0
// Urgent: the priority of a steward while a process stands still.
#pragma once

#include <sys/resource.h>

#include <algorithm>

namespace rove::migrate {

// A freeze waits for nobody else's time slice. Not more than this: Linux 6.18 was seen to run
// nobody but a steward of nice -20 and a program that called sched_yield in a loop, for a minute.
class Urgent {
public:
    Urgent() : before_(::getpriority(PRIO_PROCESS, 0)) {
        (void)::setpriority(PRIO_PROCESS, 0, std::min(before_, -5));
    }
    ~Urgent() { (void)::setpriority(PRIO_PROCESS, 0, before_); }
    Urgent(Urgent const&) = delete;
    Urgent& operator=(Urgent const&) = delete;

private:
    int before_;
};

} // namespace rove::migrate
