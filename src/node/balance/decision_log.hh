// SPDX-License-Identifier: Apache-2.0
// DecisionLog: decisions of the policy with all that they were made from, for `rove-sim --replay`.
//
// Two files of half the allowed size each: when the newer is full it takes the place of the older.
// What led to something is written always, what led to nothing now and then.
#pragma once

#include <string>

#include "base/clock.hh"
#include "policy/record.hh"

namespace rove::node {

class DecisionLog {
public:
    // 0 bytes: none.
    DecisionLog(std::string path, uint64_t bytes_max)
        : path_(std::move(path)), bytes_max_(bytes_max) {}
    void add(policy::Record const& record, Nanos now);

private:
    std::string path_;
    uint64_t bytes_max_;
    Nanos quiet_until_{};
};

} // namespace rove::node
