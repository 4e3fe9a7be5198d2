// SPDX-License-Identifier: Apache-2.0
// Job: a process of the simulation.
#pragma once

#include <cstdint>
#include <vector>

#include "policy/view.hh"

namespace rove::sim {

using policy::NodeIndex;
using policy::nowhere;
using JobIndex = uint32_t;

enum class JobState : uint8_t { due, placing, running, moving, done, lost };

struct Job {
    double submit_s = 0;
    double work_s = 1; // CPU time on the reference core
    double ended_s = 0;
    double here_since_s = 0;
    uint64_t memory = 0;
    float demand = 1; // of a core, at home
    float calls = 0;  // that are forwarded when away, per CPU second
    float moved_s = 0;
    NodeIndex home = 0, host = nowhere;
    uint32_t kind = 0; // which executable; 0: one that nobody else executes
    uint16_t moves = 0;
    JobState state = JobState::due;
    bool leaving = false; // a target has been asked
    bool native = false;  // not Rove's: it is never moved
};

using Jobs = std::vector<Job>;

} // namespace rove::sim
