// SPDX-License-Identifier: Apache-2.0
// Network: the lab's switch, the nodes' links to it, their rates, and what is cut.
//
// The switch is a bridge in a network namespace of its own, so neither the machine's addresses nor
// its firewall (which often drops what crosses a bridge) have a part in a lab. Cutting is done in
// the switch as well: interfaces stay up, and no program in a node can see or undo it. Neighbour
// entries are fixed, so that a cut is pure silence and never "no route to host".
#pragma once

#include "base/fd.hh"
#include "base/result.hh"
#include "lab/plan.hh"

namespace rove::lab {

Status make_switch(std::string_view lab);
// Without one: nothing to do. Removes the links of every node, too.
Status remove_switch(std::string_view lab);

// Gives the node's network namespace, which is that of process `init`, its link.
Status plug(Plan const& plan, NodePlan const& node, pid_t init);
Status unplug(Plan const& plan, std::string_view node);

// Makes the switch drop what the plan says is cut.
Status apply_cuts(Plan const& plan);

// The texts given to ip, tc and nft; pure.
std::string switch_commands(Plan const& plan, NodePlan const& node, pid_t init);
std::string node_commands(Plan const& plan, NodePlan const& node);
std::string shape_command(std::string_view device, uint64_t rate_bits);
std::string cut_rules(Plan const& plan);

} // namespace rove::lab
