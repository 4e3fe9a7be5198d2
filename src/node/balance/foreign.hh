// SPDX-License-Identifier: Apache-2.0
// Foreign: how much of what runs on a node is not Rove's, by difference: what wanted a core in all,
// and what those of ours wanted.
#pragma once

#include <map>

#include <sys/types.h>

#include "policy/history.hh"

namespace rove::node {

class Foreign {
public:
    // `runnable`: threads that wanted a core since the last time, on average. `counted`: what those
    // of ours did meanwhile; `beginners`: how many of ours have been seen for the first time.
    // Threads of others that wanted a core.
    double among(
        double runnable, std::map<pid_t, policy::Counted> const& counted, size_t beginners);

private:
    std::map<pid_t, double> before_; // of a core, by who was counted last
};

} // namespace rove::node
