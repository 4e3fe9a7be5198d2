// SPDX-License-Identifier: Apache-2.0
// Targets: filtering, believing, choosing.
#include "policy/targets.hh"

#include <algorithm>

#include "policy/load.hh"

namespace rove::policy {

namespace {

double average_load(Snapshot const& snapshot) {
    double load = snapshot.self.load, cores = snapshot.self.cores;
    for (NodeView const& node : snapshot.nodes)
        if (node.takes) load += node.load, cores += node.cores;
    return cores > 0 ? load / cores : 0;
}

} // namespace

uint64_t reserve_of(NodeView const& node, Knobs const& knobs) {
    return static_cast<uint64_t>(
        std::clamp(knobs.usher_stop, 0.0, 0.9) * static_cast<double>(node.memory_total));
}

uint64_t short_below(NodeView const& node, Knobs const& knobs) {
    auto total = static_cast<double>(node.memory_total);
    return static_cast<uint64_t>(
        std::clamp(std::max(knobs.usher_start * total, knobs.usher_bytes), 0.0, total / 2));
}

bool has_room(NodeView const& node, ProcessView const& process, Knobs const& knobs) {
    return process.memory + reserve_of(node, knobs) <= node.memory_free &&
           (process.features & ~node.features) == 0;
}

Burden burden_of(ProcessView const& process, Knobs const& knobs) {
    return {std::max<double>(process.demand, 0.01) * knobs.stability,
        static_cast<double>(process.memory)};
}

Verdict movable(ProcessView const& process, Knobs const& knobs) {
    if (process.moving) return Verdict::moving;
    if (process.confined) return Verdict::confined;
    if (process.stays) return Verdict::stays;
    double stay = std::max(knobs.residence, knobs.residence_moves * process.moved_s);
    // moved_s is 0 for who has never moved.
    if (process.moved_s > 0 && process.here_s < stay) return Verdict::just_arrived;
    return Verdict::moves;
}

Targets::Targets(Snapshot const& snapshot, Knobs const& knobs, Scorer const& scorer)
    : knobs_(knobs), scorer_(scorer) {
    double average = average_load(snapshot);
    nodes_.reserve(snapshot.nodes.size());
    for (NodeView const& node : snapshot.nodes) {
        if (!node.takes) continue;
        nodes_.push_back(node);
        nodes_.back().load = static_cast<float>(believed(node, average, knobs.fade));
    }
}

Targets::Choice Targets::choose(ProcessView const& process, Random& random) {
    if (asked_before_ && asked_.demand == process.demand && asked_.memory == process.memory &&
        asked_.features == process.features)
        return last_;
    Burden burden = burden_of(process, knobs_);
    struct Priced {
        double price;
        NodeView* node;
    };
    std::vector<Priced> priced;
    priced.reserve(nodes_.size());
    Choice choice;
    double best = 0, best_without_room = 0;
    bool lacking = false;
    for (NodeView& node : nodes_) {
        double price = scorer_.price(node, burden);
        if (node.crowded || !has_room(node, process, knobs_)) {
            best_without_room = lacking ? std::min(best_without_room, price) : price;
            lacking = true;
            continue;
        }
        best = priced.empty() ? price : std::min(best, price);
        priced.push_back({price, &node});
    }
    choice.no_room = lacking && (priced.empty() || best_without_room < best);
    size_t equal = 0;
    for (Priced const& each : priced) {
        if (each.price > best * (1 + knobs_.near)) continue;
        if (random.below(++equal) == 0) choice.node = each.node, choice.price = each.price;
    }
    last_ = choice;
    asked_ = process;
    asked_before_ = true;
    return choice;
}

NodeView* Targets::least_loaded(ProcessView const& process, Random& random) {
    NodeView* found = nullptr;
    double least = 0;
    size_t equal = 0;
    for (NodeView& node : nodes_) {
        if (!has_room(node, process, knobs_)) continue;
        double crowd = stretch(node, process.demand);
        if (found && crowd > least * (1 + knobs_.near)) continue;
        if (!found || crowd < least * (1 - knobs_.near)) least = crowd, equal = 0;
        if (random.below(++equal) == 0) found = &node;
    }
    return found;
}

std::vector<NodeView const*> Targets::in_order(
    ProcessView const& process, size_t most, Random& random) {
    Burden burden = burden_of(process, knobs_);
    struct Priced {
        double price;
        NodeView const* node;
    };
    std::vector<Priced> priced;
    for (NodeView const& node : nodes_)
        if (!node.crowded && has_room(node, process, knobs_))
            // A little noise, so that not everybody asks the same one first.
            priced.push_back(
                {scorer_.price(node, burden) * (1 + knobs_.near * random.part()), &node});
    most = std::min(most, priced.size());
    std::partial_sort(priced.begin(), priced.begin() + static_cast<ptrdiff_t>(most), priced.end(),
        [](Priced const& a, Priced const& b) { return a.price < b.price; });
    std::vector<NodeView const*> order;
    for (size_t i = 0; i < most; ++i)
        order.push_back(priced[i].node);
    return order;
}

void Targets::add(NodeView& node, ProcessView const& process) {
    asked_before_ = false;
    node.load += process.demand;
    node.memory_free -= std::min(node.memory_free, process.memory);
}

} // namespace rove::policy
