// SPDX-License-Identifier: Apache-2.0
// Leave: guests whose host does not want them any more, and all processes of a node that is
// drained.
#include <algorithm>

#include "policy/decide.hh"
#include "policy/load.hh"

namespace rove::policy {

namespace {

// With nobody here who could make way, it is a crowd like any other.
bool guests_make_way(Snapshot const& snapshot, Knobs const& knobs) {
    bool needed =
        knobs.owner_share > 0 && snapshot.foreign >= knobs.owner_share * snapshot.self.cores;
    return needed && std::any_of(snapshot.processes.begin(), snapshot.processes.end(),
                         [](ProcessView const& each) { return each.guest && !each.moving; });
}

NodeView const* find(std::span<NodeView const> nodes, NodeIndex node) {
    auto found = std::find_if(
        nodes.begin(), nodes.end(), [&](NodeView const& each) { return each.node == node; });
    return found == nodes.end() ? nullptr : &*found;
}

// Elsewhere if a node has a core for it, else home, which must take its own; a node's own process
// has no other home and goes wherever there is room.
NodeIndex refuge(ProcessView const& process, Deciding const& deciding) {
    // One that is locked goes nowhere else by policy.
    if (process.guest && process.stays) return process.home;
    NodeView* other = deciding.targets.least_loaded(process, deciding.random);
    NodeView const* home = find(deciding.snapshot.nodes, process.home);
    if (other && home && stretch(*home, process.demand) <= stretch(*other, process.demand))
        other = nullptr;
    if (other) {
        deciding.targets.add(*other, process);
        return other->node;
    }
    return process.guest ? process.home : nowhere;
}

} // namespace

bool leave(Deciding const& deciding) {
    Snapshot const& snapshot = deciding.snapshot;
    bool owner = snapshot.stance == Stance::open && guests_make_way(snapshot, deciding.knobs);
    if (snapshot.stance == Stance::open && !owner) return false;
    for (ProcessView const& process : snapshot.processes) {
        if (!process.guest && snapshot.stance != Stance::draining) continue;
        // Neither a lock nor a short stay keeps a guest where it is not wanted.
        if (process.moving || process.confined) {
            deciding.note(process, process.moving ? Verdict::moving : Verdict::confined);
            continue;
        }
        // A program at its home that is locked there stays, even on a node that is drained.
        if (!process.guest && process.stays) {
            deciding.note(process, Verdict::stays);
            continue;
        }
        if (deciding.departures_left() == 0) {
            deciding.note(process, Verdict::enough_leave);
            continue;
        }
        NodeIndex to = refuge(process, deciding);
        if (to == nowhere) {
            deciding.note(process, Verdict::no_room);
            continue;
        }
        Order order;
        order.process = process.id;
        order.to = to;
        order.why = owner ? Why::owner : Why::drained;
        deciding.decision.orders.push_back(order);
        deciding.note(process, Verdict::moves, to);
    }
    return true;
}

} // namespace rove::policy
