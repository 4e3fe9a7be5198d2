// SPDX-License-Identifier: Apache-2.0
// Report: the figures of a run, and whether they are what the scenario expects.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "sim/bounds.hh"
#include "sim/world.hh"

namespace rove::sim {

// In the order in which they are printed.
using Figures = std::vector<std::pair<std::string, double>>;

Figures figures_of(World const& world, Scenario const& scenario, Bounds const& bounds);
// One sentence for each expectation that is not met.
std::vector<std::string> failures(
    Scenario const& scenario, std::string const& policy, Figures const& figures);

} // namespace rove::sim
