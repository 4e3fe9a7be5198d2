// SPDX-License-Identifier: Apache-2.0
// Node: brings one node of a lab to life, and takes its power away.
#pragma once

#include "base/clock.hh"
#include "base/result.hh"
#include "lab/plan.hh"

namespace rove::lab {

// Cgroups, swap, namespaces, link: all but roved. Requires: it does not run.
Status boot(Plan const& plan, NodePlan const& node);
// Ends every process of the node and takes back what boot() made. Half a node is fine.
Status halt(Plan const& plan, NodePlan const& node, Deadline deadline);

enum class NodeState { up, daemon_down, killed };
NodeState state_of(std::string_view lab, std::string_view node);
// up, daemon-down, killed.
char const* name_of(NodeState state);

} // namespace rove::lab
