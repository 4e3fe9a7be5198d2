// SPDX-License-Identifier: Apache-2.0
// Gossip parts: a bulletin as card and entry and back, and the core's words as those of datagrams.
#pragma once

#include <optional>

#include "gossip/statement.hh"
#include "node/board.hh"
#include "wire/gossip.hh"

namespace rove::node {

wire::GossipType type_of(gossip::Kind kind);
std::optional<gossip::Kind> kind_of(wire::GossipType type);
gossip::State state_in(wire::GossipEntry const& entry);
wire::EntryState state_for(gossip::State state);

wire::Card card_of(Bulletin const& own, uint16_t port);
// Without what the core knows: state, issue, age, urgency.
wire::GossipEntry vitals_of(Bulletin const& own, wire::Card const& card);
// Numbers that cannot be are clipped.
Bulletin bulletin_of(wire::Card const& card, wire::GossipEntry const& entry);

} // namespace rove::node
