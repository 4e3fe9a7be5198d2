// SPDX-License-Identifier: Apache-2.0
// Entries: the vector with ages: what is believed of each node, and which statement wins.
//
// A bulletin supersedes another by incarnation and issue. Silence and signs of life are compared by
// time: "silent since" is void for whoever has a bulletin that was made later, so it does not
// matter whose bulletin is how old, and a slow node refutes a suspicion by its next word.
#pragma once

#include <functional>
#include <random>
#include <vector>

#include "gossip/statement.hh"

namespace rove::gossip {

using Random = std::mt19937_64;

/// Times and issues are counted modulo 2^32: a time is compared with others of the last 24 days.
constexpr bool later(uint32_t a, uint32_t b) {
    return static_cast<int32_t>(a - b) > 0;
}

// One of these per pair of nodes: a simulation of 10,000 nodes has a hundred millions.
struct Entry {
    uint64_t incarnation = 0; // 0: never heard of
    uint32_t issue = 0;
    Millis born = 0;  // when the bulletin was made, by our time
    Millis since = 0; // suspect, dead: silent since; left: when
    State state = State::unknown;
    uint8_t urgency = 0;
    bool in_window = false;
    uint8_t group = 0;
    // Counts among those that bulletins are sent to.
    bool present() const { return state == State::alive || state == State::suspect; }
};
static_assert(sizeof(Entry) == 24);

enum class Heard : uint8_t {
    stale,        // nothing new
    contradicted, // we know better
    fresh,        // a newer bulletin
    turned,       // the state, or the incarnation, has changed
};

class Entries {
public:
    Entries(NodeIndex self, uint8_t group) : self_(self), group_(group) {
        touch(self).group = group;
    }

    Entry const& at(NodeIndex node) const {
        static Entry const nobody;
        return node < all_.size() ? all_[node] : nobody;
    }
    size_t size() const { return all_.size(); }
    // Others of our group that are present, and dead ones.
    size_t present() const { return present_; }
    size_t dead() const { return dead_; }

    Heard hear(Statement const& statement, Millis clock);
    void turn(NodeIndex node, State state, Millis since);
    void place(NodeIndex node, uint8_t group);
    bool far(Entry const& entry) const { return entry.group != group_; }
    // Makes room; the entry may be changed, but its state only by turn().
    Entry& touch(NodeIndex node);

    // One of the others for which it holds, each with the same chance; `self` if there is none.
    using Which = std::function<bool(NodeIndex, Entry const&)>;
    NodeIndex pick(Random& random, Which const& which) const;

private:
    Heard hear_alive(Entry& entry, Statement const& statement, Millis clock);
    Heard hear_silence(Entry& entry, Statement const& statement, Millis clock);

    void count(Entry const& entry, int by);

    NodeIndex self_;
    uint8_t group_;
    size_t present_ = 0, dead_ = 0;
    std::vector<Entry> all_;
};

/// 0 … below - 1.
inline size_t lot(Random& random, size_t below) {
    return std::uniform_int_distribution<size_t>(0, below - 1)(random);
}

} // namespace rove::gossip
