// SPDX-License-Identifier: Apache-2.0
// Usher: memory runs out here, so somebody leaves, whatever the load.
//
// Who: the smallest whose departure cures the shortage; if none does, the largest, and again at the
// next decision. Where: the least loaded node that has room and keeps its reserve, so that no
// balancing move follows. If no node has room, the one that could make it is asked to: a chain.
#include <algorithm>

#include "policy/decide.hh"

namespace rove::policy {

namespace {

// The smallest that frees `wanted` bytes, else the largest.
ProcessView const* fitting(std::vector<ProcessView const*> const& by_size, uint64_t wanted) {
    auto enough = std::find_if(by_size.begin(), by_size.end(),
        [&](ProcessView const* each) { return each->memory >= wanted; });
    return enough != by_size.end() ? *enough : by_size.empty() ? nullptr : by_size.back();
}

std::vector<ProcessView const*> by_size(Deciding const& deciding, uint64_t below) {
    std::vector<ProcessView const*> found;
    for (ProcessView const& process : deciding.snapshot.processes) {
        Verdict verdict = movable(process, deciding.knobs);
        // Who arrived lately may be sent on: a node without memory is nowhere to stay.
        bool may = verdict == Verdict::moves || verdict == Verdict::just_arrived;
        if (!may) deciding.note(process, verdict);
        if (may && process.memory > 0 && process.memory < below && !deciding.ordered(process.id))
            found.push_back(&process);
    }
    std::sort(found.begin(), found.end(),
        [](ProcessView const* a, ProcessView const* b) { return a->memory < b->memory; });
    return found;
}

// The node that could make room: the least must leave it.
void wish_for_room(Deciding const& deciding, ProcessView const& process) {
    NodeView const* best = nullptr;
    for (NodeView const& node : deciding.targets.all()) {
        bool could = node.memory_free + node.memory_movable >=
                     process.memory + reserve_of(node, deciding.knobs);
        if (could && (!best || node.memory_free > best->memory_free)) best = &node;
    }
    if (best) deciding.decision.room = RoomWish{best->node, process.memory};
}

// Sends away until `wanted` bytes are free; true if that will be so.
bool free_memory(Deciding const& deciding, uint64_t wanted, uint64_t below, Why why) {
    auto candidates = by_size(deciding, below);
    while (wanted > 0 && deciding.departures_left() > 0 && !candidates.empty()) {
        ProcessView const* process = fitting(candidates, wanted);
        candidates.erase(std::find(candidates.begin(), candidates.end(), process));
        NodeView* to = deciding.targets.least_loaded(*process, deciding.random);
        if (!to) {
            deciding.note(*process, Verdict::no_room);
            if (why == Why::memory && !deciding.decision.room) wish_for_room(deciding, *process);
            continue; // a smaller one may find room
        }
        Order order;
        order.process = process->id;
        order.to = to->node;
        order.why = why;
        deciding.decision.orders.push_back(order);
        deciding.note(*process, Verdict::moves, to->node);
        deciding.targets.add(*to, *process);
        wanted -= std::min(wanted, process->memory);
    }
    return wanted == 0;
}

} // namespace

bool usher(Deciding const& deciding) {
    Snapshot const& snapshot = deciding.snapshot;
    Knobs const& knobs = deciding.knobs;
    uint64_t start = short_below(snapshot.self, knobs);
    uint64_t stop = std::max(start, reserve_of(snapshot.self, knobs));
    // What is leaving already has not given its memory back yet.
    uint64_t available = snapshot.self.memory_free;
    for (ProcessView const& process : snapshot.processes)
        if (process.moving) available += process.memory;
    bool is_short = available < (snapshot.ushering ? stop : start);
    if (is_short && snapshot.self.memory_total > 0) {
        deciding.decision.ushering = true;
        (void)free_memory(deciding, stop - available, UINT64_MAX, Why::memory);
        return true;
    }
    if (snapshot.room_wanted > 0 && available < snapshot.room_wanted + stop) {
        // Only smaller ones: else two nodes would push the same process to and fro.
        (void)free_memory(deciding, snapshot.room_wanted + stop - available, snapshot.room_wanted,
            Why::make_room);
        return true;
    }
    return false;
}

} // namespace rove::policy
