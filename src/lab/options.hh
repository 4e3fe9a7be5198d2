// SPDX-License-Identifier: Apache-2.0
// Options: from what was typed after `lab up` to the nodes of a plan. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hh"
#include "lab/plan.hh"

namespace rove::lab {

struct UpOptions {
    int nodes = 3;
    std::string cpus = "0.5";
    std::string memory = "1G";
    std::string swap = "0";
    std::string rate = "10gbit";
    std::vector<std::string> per_node; // "n2:cpus=0.25,mem=256M"
};

struct Machine {
    int cpus = 1;
    uint64_t memory_bytes = 0;
};

// What is wrong with them is a usage error, and reads as one.
Result<std::vector<NodePlan>> plan_nodes(UpOptions const& options, Machine const& machine);

// One sentence for each limit that the machine cannot give in full.
std::vector<std::string> excesses(std::vector<NodePlan> const& nodes, Machine const& machine);

// "0-1,3" names CPUs that the machine has.
bool good_cpuset(std::string_view text, int cpus);

} // namespace rove::lab
