// SPDX-License-Identifier: Apache-2.0
// Load: smoothing what is counted, and how fast a core is.
#pragma once

#include "base/clock.hh"

namespace rove::node {

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
