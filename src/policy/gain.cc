// SPDX-License-Identifier: Apache-2.0
// Gain: the formula.
#include "policy/gain.hh"

#include <algorithm>
#include <limits>

#include "policy/load.hh"

namespace rove::policy {

namespace {
constexpr double forever = std::numeric_limits<double>::infinity();
constexpr double demand_least = 0.01;
constexpr double rounding = 1e-3;
constexpr uint64_t not_ours = UINT64_MAX;
} // namespace

double remaining(ProcessView const& process, Knobs const& knobs) {
    double past = knobs.future * process.cpu_s;
    return std::max<double>(past, process.expected_s - process.cpu_s);
}

Crowd::Crowd(Snapshot const& snapshot, Knobs const& knobs)
    : cores_(snapshot.self.cores), speed_(snapshot.self.speed), load_(snapshot.self.load) {
    members_.reserve(snapshot.processes.size());
    for (ProcessView const& each : snapshot.processes) {
        if (each.moving) continue;
        float demand = std::max(each.demand, static_cast<float>(demand_least));
        members_.push_back({each.id, static_cast<float>(remaining(each, knobs)) / demand, demand});
    }
    // What is not ours has a time of its own, which does not depend on the crowd.
    double pace = stretch(load_, cores_, speed_);
    if (snapshot.foreign > 0)
        members_.push_back({not_ours,
            static_cast<float>(knobs.future * snapshot.foreign_lasts_s / pace), snapshot.foreign});
    std::sort(members_.begin(), members_.end(),
        [](Member const& a, Member const& b) { return a.remaining_s < b.remaining_s; });
}

double Crowd::lasts(ProcessView const& process) const {
    double load = load_, pace = stretch(load_, cores_, speed_);
    if (load <= cores_ + rounding) return 0;
    for (Member const& each : members_) {
        if (each.id == process.id) continue;
        load -= each.demand;
        if (load <= cores_ + rounding) return each.remaining_s * pace;
    }
    return forever;
}

void Crowd::remove(ProcessView const& process) {
    auto found = std::find_if(members_.begin(), members_.end(),
        [&](Member const& each) { return each.id == process.id; });
    if (found == members_.end()) return;
    load_ = std::max(0.0, load_ - found->demand);
    members_.erase(found);
}

double calls_home(ProcessView const& process) {
    double messages = 0;
    for (Partner const& partner : process.partners)
        if (partner.node == process.home) messages += partner.messages;
    return std::max<double>(process.calls, messages);
}

// Of two others it is not known how near they are to each other; the farther one has its network
// to cross to anybody.
double round_trip(NodeView const& one, NodeIndex other, Snapshot const& snapshot) {
    if (one.node == other) return 0;
    double to_one = one.node == snapshot.self.node ? 0 : one.round_trip_s;
    if (other == snapshot.self.node) return to_one;
    auto known = std::find_if(snapshot.nodes.begin(), snapshot.nodes.end(),
        [&](NodeView const& each) { return each.node == other; });
    double to_other = known == snapshot.nodes.end() ? first_round_trip_s : known->round_trip_s;
    return std::max(to_one, to_other);
}

double talk(ProcessView const& process, NodeView const& there, Snapshot const& snapshot) {
    double wait = 0, calls = calls_home(process);
    if (calls > 0) wait += calls * round_trip(there, process.home, snapshot);
    for (Partner const& partner : process.partners)
        if (partner.messages > 0 && partner.node != process.home)
            wait += partner.messages * round_trip(there, partner.node, snapshot);
    return wait;
}

Figures weigh(ProcessView const& process, NodeView const& target, Crowd const& crowd,
    Snapshot const& snapshot, Knobs const& knobs) {
    NodeView const& self = snapshot.self;
    double demand = std::max<double>(process.demand, demand_least);
    double here = stretch(crowd.load(), self.cores, self.speed), there = stretch(target, demand);
    double alone = stretch(0, self.cores, self.speed);
    double left = remaining(process, knobs), crowded = crowd.lasts(process);

    // At the crowd's pace while it lasts, alone afterwards.
    double stay = left * here / demand;
    if (stay > crowded) stay = crowded + (left - crowded * demand / here) * alone / demand;
    Figures f;
    f.load_here = static_cast<float>(crowd.load());
    f.load_there = static_cast<float>(target.load + demand);
    f.stretch_here = static_cast<float>(here);
    f.stretch_there = static_cast<float>(there);
    f.expected_s = process.expected_s;
    f.remaining_s = static_cast<float>(left);
    f.crowded_s = static_cast<float>(crowded);
    f.stay_s = static_cast<float>(stay);
    f.go_s = static_cast<float>(left * there / demand);
    f.cost_s = static_cast<float>(snapshot.cost.seconds(process.memory));
    f.talk_s = static_cast<float>(
        left * (talk(process, target, snapshot) - talk(process, self, snapshot)));
    f.round_trip_s = target.round_trip_s;
    f.calls = process.calls;
    for (Partner const& partner : process.partners)
        f.messages += partner.messages;
    f.gain_s = f.stay_s - f.go_s - f.cost_s - f.talk_s;
    double least = process.cpu_s < process.expected_s ? knobs.exec_gain : knobs.gain_min;
    f.needed_s = static_cast<float>(std::max(least, knobs.gain_factor * f.cost_s));
    return f;
}

} // namespace rove::policy
