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
    auto order = targets.in_order(newcomer, whole(knobs.place_tries), random);
    auto relaxed = static_cast<float>(limit);
    for (NodeView const* node : order) {
        // A promise that is not kept, or an old entry, may hide a core.
        bool perhaps = node->load + newcomer.demand <= node->cores + 1;
        auto free = static_cast<float>(
            stretch(newcomer.demand, node->cores, node->speed) * (1 + knobs.near));
        if (perhaps && free < relaxed) placement.ask.push_back({node->node, free});
    }
    for (size_t i = 0; i < order.size() / 3 + 1 && i < order.size(); ++i)
        if (stretch(*order[i], newcomer.demand) < relaxed)
            placement.ask.push_back({order[i]->node, relaxed});
    return placement;
}

} // namespace rove::policy
