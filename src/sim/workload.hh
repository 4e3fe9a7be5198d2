// SPDX-License-Identifier: Apache-2.0
// Workload: the jobs of a scenario, drawn by its seed.
#pragma once

#include "base/result.hh"
#include "sim/job.hh"
#include "sim/scenario.hh"

namespace rove::sim {

// Sorted by submission. Fails if a trace cannot be read.
Result<Jobs> make_jobs(Scenario const& scenario, uint64_t seed);

} // namespace rove::sim
