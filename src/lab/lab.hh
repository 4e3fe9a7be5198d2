// SPDX-License-Identifier: Apache-2.0
// Lab: the acts of `rove lab`, each a function that changes a lab as a whole or fails.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hh"
#include "lab/options.hh"
#include "lab/plan.hh"

namespace rove::lab {

struct NodeStatus {
    std::string name;
    std::string address;
    double cpus = 0;           // what it can use: its limit, or the machine's
    uint64_t memory_bytes = 0; // likewise
    uint64_t swap_bytes = 0;
    std::string state;
    std::vector<std::string> cut_from;
};

Machine this_machine();

// Called between steps; an error stops the act, which then takes back what it did.
using Interrupted = std::function<Status()>;

// Makes the lab and returns when every node shows every other as up.
Status up(std::string_view lab, std::vector<NodePlan> nodes, Interrupted const& interrupted);
// Leaves nothing. A lab that is half made, or not there at all, is fine.
Status down(std::string_view lab);

Status kill_node(std::string_view lab, std::string_view node);
Status start_node(std::string_view lab, std::string_view node, Interrupted const& interrupted);
// Between a and b; an empty b means all others.
Status cut_nodes(std::string_view lab, std::string_view a, std::string_view b);
Status heal_nodes(std::string_view lab, std::string_view a, std::string_view b);

enum class DaemonAct { stop, kill, start };
Status act_on_daemon(
    std::string_view lab, std::string_view node, DaemonAct act, Interrupted const& interrupted);

// Empty if there is no such lab.
Result<std::vector<NodeStatus>> status(std::string_view lab);

} // namespace rove::lab
