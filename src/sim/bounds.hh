// SPDX-License-Identifier: Apache-2.0
// Bounds: what no policy can beat, or what the best could do that knows all and moves for nothing.
#pragma once

#include <optional>

#include "sim/job.hh"
#include "sim/scenario.hh"

namespace rove::sim {

struct Bounds {
    // No schedule ends earlier: the longest job on the fastest core, and all work over all cores.
    double makespan_s = 0;
    // The cluster as one machine that shares its cores fairly: a central policy that knows all
    // loads at each instant and moves at no cost. Mean slowdown, and when the last one ends.
    double fair_slowdown = 1, fair_makespan_s = 0;
    // One that knows the remaining times as well and lets the shortest go first, which needs more
    // than moving; equal cores and whole demands only.
    std::optional<double> shortest_first_slowdown;
};

// How much longer a job took than it would have, alone on a reference core.
inline double slowdown(Job const& job, double ended_s) {
    return (ended_s - job.submit_s) * job.demand / job.work_s;
}

Bounds find_bounds(Scenario const& scenario, Jobs const& jobs);

} // namespace rove::sim
