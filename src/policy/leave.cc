// SPDX-License-Identifier: Apache-2.0
// Leave: guests whose host does not want them any more, and all processes of a node that is
// drained.
#include <algorithm>
#include <map>

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

// Home, which must take its own, is nearest: of a guest it has nearly all already, and nobody has
// to agree. Elsewhere is better if that spares it half of the crowd at least, as a node with a core
// for it does where home has none. A node's own process has no other home and goes wherever there
// is room.
// `homeward`: what goes to each home already.
NodeIndex refuge(
    ProcessView const& process, Deciding const& deciding, std::map<NodeIndex, double>& homeward) {
    // One that is locked goes nowhere else by policy.
    if (process.guest && process.stays) return process.home;
    NodeView* other = deciding.targets.least_loaded(process, deciding.random);
    NodeView const* home = find(deciding.snapshot.nodes, process.home);
    constexpr double worth = 2;
    if (process.guest && other && home &&
        stretch(*home, homeward[home->node] + process.demand) <
            worth * stretch(*other, process.demand))
        other = nullptr;
    if (other) {
        deciding.targets.add(*other, process);
        return other->node;
    }
    if (!process.guest) return nowhere;
    homeward[process.home] += process.demand;
    return process.home;
}

} // namespace

bool leave(Deciding const& deciding) {
    Snapshot const& snapshot = deciding.snapshot;
    bool owner = snapshot.stance == Stance::open && guests_make_way(snapshot, deciding.knobs);
    if (snapshot.stance == Stance::open && !owner) return false;
    std::map<NodeIndex, double> homeward;
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
        NodeIndex to = refuge(process, deciding, homeward);
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
