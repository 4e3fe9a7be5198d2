// SPDX-License-Identifier: Apache-2.0
// Gain: what a move would save a process, in seconds.
//
// Past predicts future: who has used t seconds of CPU is expected to need t more, which is the
// median of the lifetimes that were measured (P(T > 2t | T > t) = 1/2). The same holds for the
// others, so a crowd is expected to dissolve by itself: `crowded_s` is when enough of them have
// ended.
#pragma once

#include <vector>

#include "policy/decision.hh"
#include "policy/knobs.hh"

namespace rove::policy {

// What it is expected to need still, in CPU seconds: as much as its like do, if it has any that are
// known, and as it has used once it has used more than they.
double remaining(ProcessView const& process, Knobs const& knobs);

// The processes of a node by the time that they are expected to need still.
class Crowd {
public:
    Crowd(Snapshot const& snapshot, Knobs const& knobs);
    double load() const { return load_; }
    // Seconds until the node is not crowded any more if `process` stays.
    double lasts(ProcessView const& process) const;
    // It leaves.
    void remove(ProcessView const& process);

private:
    struct Member {
        uint64_t id;
        float remaining_s, demand;
    };
    double cores_, speed_, load_;
    std::vector<Member> members_; // by remaining_s
};

// What it has to do with its home, per CPU second, if it is away: the calls that were counted
// there, or what it says to partners that are reached at home, which is among them.
double calls_home(ProcessView const& process);

// Of a few bytes between two nodes, as far as this one can know.
double round_trip(NodeView const& one, NodeIndex other, Snapshot const& snapshot);

// Seconds of waiting for each CPU second there: forwarded calls, and messages to partners
// elsewhere.
double talk(ProcessView const& process, NodeView const& there, Snapshot const& snapshot);

// The terms for `process` going to `target`, whose load is what is believed of it.
Figures weigh(ProcessView const& process, NodeView const& target, Crowd const& crowd,
    Snapshot const& snapshot, Knobs const& knobs);

} // namespace rove::policy
