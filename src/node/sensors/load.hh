// SPDX-License-Identifier: Apache-2.0
// Load: smoothed runnable threads of this node ÷ the cores that it may use.
#pragma once

#include <string_view>

#include "base/clock.hh"

namespace rove::node {

// The state letter of a /proc/PID/stat text, or '?' .
char stat_state(std::string_view stat);

// Runnable threads among all that this node's /proc shows, our own thread left out. A lab node
// has a PID namespace of its own, so it counts itself only.
unsigned runnable_threads();

// Cores that this node may use: affinity, cpuset and quota count.
double cores_available();

// Exponential smoothing that rises faster than it falls, so that a burst is seen and a pause is
// not mistaken for rest.
class Smoothed {
public:
    void add(double sample, Nanos now);
    double value() const { return value_; }

private:
    double value_ = 0;
    Nanos last_{-1};
};

// A short calculation, timed: 1.0 is a core that does 1e9 rounds of it a second.
double measure_speed();

} // namespace rove::node
