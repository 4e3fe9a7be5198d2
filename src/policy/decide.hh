// SPDX-License-Identifier: Apache-2.0
// Decide: which processes leave this node now, and where to. Pure: the daemon and the simulator run
// it.
//
// Memory comes before CPU, CPU before communication; what an administrator or the node's own users
// want comes before all of them. `balance`, `usher` and `leave` are the parts, one file each.
#pragma once

#include "policy/decision.hh"
#include "policy/knobs.hh"
#include "policy/random.hh"
#include "policy/targets.hh"

namespace rove::policy {

// `notes`: what was found about each process, if somebody wants to know.
Decision decide(
    Snapshot const& snapshot, Knobs const& knobs, Random& random, Notes* notes = nullptr);

// What the parts work on.
struct Deciding {
    Snapshot const& snapshot;
    Knobs const& knobs;
    Scorer const& scorer;
    Targets& targets;
    Random& random;
    Decision& decision;
    Notes* notes;

    // How many more may leave.
    size_t departures_left() const {
        auto used = snapshot.departing + decision.orders.size();
        auto most = whole(knobs.departures_max);
        return used < most ? most - used : 0;
    }
    bool ordered(uint64_t process) const {
        for (Order const& order : decision.orders)
            if (order.process == process) return true;
        return false;
    }
    void note(ProcessView const& process, Verdict verdict, NodeIndex best = nowhere,
        Figures const& figures = {}) const {
        if (notes) notes->push_back({process.id, verdict, best, figures});
    }
};

// leave.cc: true if nothing else is to be decided.
bool leave(Deciding const& deciding);
// usher.cc: true if memory is short, so that load does not count.
bool usher(Deciding const& deciding);
// balance.cc
void balance(Deciding const& deciding);

} // namespace rove::policy
