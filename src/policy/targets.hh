// SPDX-License-Identifier: Apache-2.0
// Targets: the few nodes of those known that are worth a closer look, and which of them is chosen.
#pragma once

#include <optional>
#include <vector>

#include "policy/decision.hh"
#include "policy/knobs.hh"
#include "policy/random.hh"
#include "policy/scorer.hh"

namespace rove::policy {

class Targets {
public:
    // Loads are as believed from here on.
    Targets(Snapshot const& snapshot, Knobs const& knobs, Scorer const& scorer);

    struct Choice {
        NodeView* node = nullptr; // null: none
        double price = 0;
        bool no_room = false; // a better one lacks memory or CPU features
    };
    // The cheapest for the process; among those about as cheap, one at random.
    Choice choose(ProcessView const& process, Random& random);
    // Of those with room for the process, the least loaded, whatever it costs.
    NodeView* least_loaded(ProcessView const& process, Random& random);
    // In the order in which a new process should ask them.
    std::vector<NodeView const*> in_order(ProcessView const& process, size_t most, Random& random);
    std::vector<NodeView>& all() { return nodes_; }
    // What was decided counts for what is decided next.
    void add(NodeView& node, ProcessView const& process);

private:
    Knobs const& knobs_;
    Scorer const& scorer_;
    std::vector<NodeView> nodes_; // that take processes
    // Most processes are alike: the last answer, and whom it was for.
    Choice last_;
    ProcessView asked_;
    bool asked_before_ = false;
};

// What a node keeps for itself.
// With less than that processes leave it, see usher.cc.
uint64_t short_below(NodeView const& node, Knobs const& knobs);
uint64_t reserve_of(NodeView const& node, Knobs const& knobs);
// Memory, its own reserve left over, and CPU features.
bool has_room(NodeView const& node, ProcessView const& process, Knobs const& knobs);
Burden burden_of(ProcessView const& process, Knobs const& knobs);
// Who may be moved by policy at all; else why not.
Verdict movable(ProcessView const& process, Knobs const& knobs);

} // namespace rove::policy
