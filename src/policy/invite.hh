// SPDX-License-Identifier: Apache-2.0
// Invite: which crowded nodes an idle one tells at once that it has a core to spare.
//
// Gossip brings that word everywhere within a few steps; the nodes that could use the core best
// hear it in one. Whether somebody comes is still their decision, and whether it is taken the
// target's.
#pragma once

#include <vector>

#include "policy/knobs.hh"
#include "policy/random.hh"
#include "policy/view.hh"

namespace rove::policy {

std::vector<NodeIndex> invite(Snapshot const& snapshot, Knobs const& knobs, Random& random);

} // namespace rove::policy
