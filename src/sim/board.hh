// SPDX-License-Identifier: Apache-2.0
// Board: what each simulated node knows of the others.
//
// FastBoard draws the ages of entries from the theory of the gossip; GossipBoard runs its core.
// Both keep what nodes have told of themselves and answer with what a viewer could know of it.
#pragma once

#include <vector>

#include "policy/view.hh"
#include "sim/network.hh"

namespace rove::sim {

using policy::NodeIndex;
using policy::NodeView;

// What a node says of itself.
struct Told {
    float load = 0;
    uint8_t takes = 1, crowded = 0;
    uint32_t memory_free_mb = 0, memory_movable_mb = 0;
};

// What about a node never changes.
struct Built {
    double cores = 1, speed = 1;
    uint64_t memory = 0, features = 1;
};

class Board {
public:
    virtual ~Board() = default;
    virtual void tell(NodeIndex node, Told const& told, double now_s) = 0;
    // A message of the node itself, with what it says at this moment.
    virtual void hear(NodeIndex viewer, NodeIndex about, Told const& told, double now_s) = 0;
    // What the viewer knows of the others.
    virtual void see(NodeIndex viewer, double now_s, std::vector<NodeView>& nodes) = 0;
    virtual void start(NodeIndex node, double now_s) = 0;
    virtual void kill(NodeIndex node, double now_s) = 0;
};

// Of one entry.
NodeView view_of(NodeIndex node, Built const& built, Told const& told, double age_s);

} // namespace rove::sim
