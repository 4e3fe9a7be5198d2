// SPDX-License-Identifier: Apache-2.0
// Place: the choice.
#include "policy/place.hh"

#include <algorithm>

#include "policy/load.hh"
#include "policy/targets.hh"

namespace rove::policy {

Placement place(
    Snapshot const& snapshot, ProcessView const& newcomer, Knobs const& knobs, Random& random) {
    Placement placement;
    if (newcomer.stays || newcomer.confined) return placement;
    bool room_here =
        snapshot.stance == Stance::open &&
        newcomer.memory + static_cast<uint64_t>(
                              knobs.usher_stop * static_cast<double>(snapshot.self.memory_total)) <=
            snapshot.self.memory_free;
    double here = stretch(snapshot.self, newcomer.demand);
    // What a start elsewhere costs must come in again.
    double cost = snapshot.cost.fixed() / knobs.new_remaining;
    double limit = room_here ? here - cost : 1e9;
    bool crowded = snapshot.self.load + newcomer.demand > snapshot.self.cores;
    if (room_here && !crowded && snapshot.fastest <= snapshot.self.speed * 1.05f) return placement;

    auto scorer = make_scorer(knobs, snapshot);
    Targets targets(snapshot, knobs, *scorer);
    placement.stretch_max = limit;
    for (NodeView const* node : targets.in_order(newcomer, whole(knobs.place_tries), random))
        if (stretch(*node, newcomer.demand) < limit) placement.ask.push_back(node->node);
    return placement;
}

} // namespace rove::policy
