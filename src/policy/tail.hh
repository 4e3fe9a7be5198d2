// SPDX-License-Identifier: Apache-2.0
// Tail: what a node still tells of processes that have left it, as far as we know of them.
//
// What a node tells falls slowly (LoadFilter), so a core that a short process has left stays
// hidden for seconds. Whose process it was knows better.
#pragma once

#include <algorithm>
#include <cmath>

#include "policy/load.hh"

namespace rove::policy {

class Tail {
public:
    void left(double demand, double now_s) { set(at(now_s) + demand, now_s); }
    // What is told rises at once, so it only fills up what was told too much.
    void came(double demand, double now_s) { set(std::max(0.0, at(now_s) - demand), now_s); }
    double at(double now_s) const {
        return load_ * std::pow(LoadFilter::keep_falling, std::max(0.0, now_s - since_s_));
    }

private:
    void set(double load, double now_s) { load_ = load, since_s_ = now_s; }
    double load_ = 0, since_s_ = 0;
};

} // namespace rove::policy
