// SPDX-License-Identifier: Apache-2.0
// Swap: a real swap file for a node.
//
// The kernel knows only swap of the whole machine; that a node uses no more than its own size of it
// is what its cgroup's swap limit sees to.
#pragma once

#include "base/result.hh"
#include "lab/plan.hh"

namespace rove::lab {

Status swap_on(std::string_view lab, NodePlan const& node);
// Takes back what swap_on made; all nodes' if node is empty. Without any: nothing to do.
Status swap_off(std::string_view lab, std::string_view node);

} // namespace rove::lab
