// SPDX-License-Identifier: Apache-2.0
// Entries: the rules by which statements win.
#include "gossip/entries.hh"

namespace rove::gossip {

Entry& Entries::touch(NodeIndex node) {
    if (node >= all_.size()) all_.resize(node + 1);
    return all_[node];
}

void Entries::turn(NodeIndex node, State state, Millis since) {
    Entry& entry = touch(node);
    count(entry, -1);
    entry.state = state;
    entry.since = since;
    count(entry, 1);
}

void Entries::place(NodeIndex node, uint8_t group) {
    Entry& entry = touch(node);
    count(entry, -1);
    entry.group = group;
    count(entry, 1);
}

void Entries::count(Entry const& entry, int by) {
    if (&entry == &all_[self_] || far(entry)) return;
    if (entry.present()) present_ += static_cast<size_t>(by);
    if (entry.state == State::dead) dead_ += static_cast<size_t>(by);
}

Heard Entries::hear(Statement const& statement, Millis clock) {
    Entry& entry = touch(statement.node);
    if (statement.incarnation < entry.incarnation) return Heard::stale;
    switch (statement.state) {
    case State::alive:
        return hear_alive(entry, statement, clock);
    case State::suspect:
    case State::dead:
        return hear_silence(entry, statement, clock);
    case State::left:
        // Nobody needs to know that one who was never met has gone.
        if (statement.incarnation != entry.incarnation || later(entry.issue, statement.issue) ||
            entry.state == State::left)
            return Heard::stale;
        entry.issue = statement.issue;
        turn(statement.node, State::left, clock - statement.age);
        return Heard::turned;
    case State::unknown:
        break;
    }
    return Heard::stale;
}

Heard Entries::hear_alive(Entry& entry, Statement const& statement, Millis clock) {
    Millis born = clock - statement.age;
    bool another = statement.incarnation > entry.incarnation;
    bool silent = entry.state == State::suspect || entry.state == State::dead;
    bool gone = entry.state == State::dead || entry.state == State::left;
    bool older =
        !another && (!later(statement.issue, entry.issue) || (silent && !later(born, entry.since)));
    if (older) return gone ? Heard::contradicted : Heard::stale;
    entry.incarnation = statement.incarnation;
    entry.issue = statement.issue;
    entry.born = born;
    if (!another && entry.state == State::alive) return Heard::fresh;
    turn(statement.node, State::alive, born);
    return Heard::turned;
}

Heard Entries::hear_silence(Entry& entry, Statement const& statement, Millis clock) {
    // Only who is believed to be present can be missed.
    if (statement.incarnation != entry.incarnation) return Heard::stale;
    if (entry.state == State::left) return Heard::contradicted;
    if (!entry.present()) return Heard::stale;
    Millis since = clock - statement.age;
    if (!later(since, entry.born)) return Heard::contradicted;
    if (statement.state == State::suspect && entry.state == State::suspect) {
        // All count from the first question that was not answered.
        if (later(entry.since, since)) entry.since = since;
        return Heard::stale;
    }
    turn(statement.node, statement.state, since);
    return Heard::turned;
}

NodeIndex Entries::pick(Random& random, Which const& which) const {
    auto fits = [&](NodeIndex node) { return node != self_ && which(node, all_[node]); };
    // Mostly the first lot is one; where few fit, they are counted.
    for (int attempt = 0; attempt < 16; ++attempt) {
        auto node = static_cast<NodeIndex>(lot(random, all_.size()));
        if (fits(node)) return node;
    }
    std::vector<NodeIndex> fitting;
    for (NodeIndex node = 0; node < all_.size(); ++node)
        if (fits(node)) fitting.push_back(node);
    return fitting.empty() ? self_ : fitting[lot(random, fitting.size())];
}

} // namespace rove::gossip
