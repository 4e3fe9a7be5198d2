// SPDX-License-Identifier: Apache-2.0
// Core: the second level: what is known of nodes of other groups.
//
// A group keeps its own board in full. Two of its nodes a step, by lot, ask a node of another group
// for its window, and what they hear goes round in a quarter of each message. So everybody knows
// some young entries of the others; old ones are forgotten, and nobody is suspected or buried from
// afar.
#include <algorithm>

#include "gossip/core.hh"

namespace rove::gossip {

void Core::look_far(Actions& actions, Random& random) {
    forget_far(actions);
    // Who knows nobody at home asks more often: somebody there may know its group.
    if (lot(random, std::max<size_t>(nodes() / 2, 1)) != 0) return;
    NodeIndex to = far_.empty() ? entries_.pick(random,
                                      [&](NodeIndex, Entry const& entry) {
                                          return entries_.far(entry) && entry.state == State::dead;
                                      })
                                : far_[lot(random, far_.size())];
    send(to, Kind::pull, actions);
}

void Core::hear_of_far(Statement const& said, Actions& actions) {
    // Suspicions are their group's business.
    if (said.state == State::suspect || (said.state == State::alive && said.age > knobs_.far_age))
        return;
    State was = entries_.at(said.node).state;
    uint64_t incarnation = entries_.at(said.node).incarnation;
    Heard heard = entries_.hear(said, clock_);
    Entry const& entry = entries_.at(said.node);
    if (heard == Heard::turned)
        actions.changed.push_back(
            {said.node, was, entry.state, incarnation != 0 && entry.incarnation != incarnation});
    if (entry.state == State::alive && (heard == Heard::fresh || heard == Heard::turned)) {
        actions.fresh.push_back(said.node);
        if (was != State::alive) far_.push_back(said.node);
    } else if (was == State::alive && entry.state != State::alive) {
        std::erase(far_, said.node);
    }
}

void Core::forget_far(Actions& actions) {
    std::sort(far_.begin(), far_.end(), [&](NodeIndex a, NodeIndex b) {
        return clock_ - entries_.at(a).born < clock_ - entries_.at(b).born;
    });
    while (!far_.empty() && (far_.size() > 4 * knobs_.window_max ||
                                clock_ - entries_.at(far_.back()).born > knobs_.far_age))
        forget(far_.back(), State::unknown, actions);
}

void Core::forget(NodeIndex node, State state, Actions& actions) {
    State was = entries_.at(node).state;
    std::erase(far_, node);
    entries_.turn(node, state, clock_);
    actions.changed.push_back({node, was, state, false});
}

// A quarter of the window: for somebody of another group those of its group first, since it may be
// looking for it.
void Core::add_far(Message& message, NodeIndex to) {
    uint8_t group = entries_.at(to).group;
    bool abroad = entries_.far(entries_.at(to));
    size_t room = window_ / 4;
    for (bool theirs : {true, false})
        for (NodeIndex node : far_) {
            if (room == 0) return;
            bool is_theirs = abroad && entries_.at(node).group == group;
            if (node == to || is_theirs != theirs) continue;
            message.statements.push_back(statement(node));
            --room;
        }
}

} // namespace rove::gossip
