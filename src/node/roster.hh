// SPDX-License-Identifier: Apache-2.0
// Roster: who the nodes are: name, card, last bulletin, and where datagrams for them go.
//
// The gossip core counts nodes by small numbers, datagrams name them by lives; here both meet
// names. Values only: whether one is alive the core knows.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "gossip/statement.hh"
#include "wire/gossip.hh"

namespace rove::node {

using gossip::NodeIndex;

struct Known {
    std::string name;
    std::string configured; // address:port, if the configuration names it
    std::string source;     // where its datagrams come from
    std::optional<wire::Card> card;
    std::optional<wire::GossipEntry> entry; // the last that was taken
    std::string trouble;

    // Where it is reached; empty if nobody has said.
    std::string contact() const;
};

struct Life {
    NodeIndex node;
    uint64_t incarnation;
};

class Roster {
public:
    // A strange name gets the next number; none if there are too many.
    std::optional<NodeIndex> meet(std::string const& name);
    std::optional<NodeIndex> find(std::string const& name) const;
    std::optional<Life> whose(uint64_t life) const;
    Known& at(NodeIndex node) { return all_[node]; }
    Known const& at(NodeIndex node) const { return all_[node]; }
    size_t size() const { return all_.size(); }

    // What is said of this life is about that node: our own, which nobody sends us a card of.
    void enter(uint64_t life, Life whose) { by_life_[life] = whose; }
    // Learns from a card, if it is not older than what is known; false if it makes no sense.
    bool take(wire::Card const& card);
    // Whether the entry is of a life that is not known, or of a card that has changed.
    bool lacks_card(wire::GossipEntry const& entry) const;

private:
    std::vector<Known> all_;
    std::unordered_map<std::string, NodeIndex> by_name_;
    std::unordered_map<uint64_t, Life> by_life_;
};

} // namespace rove::node
