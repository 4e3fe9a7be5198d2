// SPDX-License-Identifier: Apache-2.0
// Gossip parts: conversions, each in both directions.
#include "node/gossip_parts.hh"

#include <algorithm>
#include <cmath>
#include <limits>

namespace rove::node {

using gossip::Kind;
using gossip::State;
using wire::EntryState;
using wire::GossipEntry;
using wire::GossipType;

namespace {

constexpr uint64_t mebibyte = 1 << 20;

template <class T> T clipped(double number) {
    double most = std::numeric_limits<T>::max();
    return static_cast<T>(std::isfinite(number) ? std::clamp(std::round(number), 0.0, most) : most);
}

} // namespace

GossipType type_of(Kind kind) {
    switch (kind) {
    case Kind::push:
        return GossipType::push;
    case Kind::pull:
        return GossipType::pull;
    case Kind::ask:
        return GossipType::ask;
    case Kind::answer:
        return GossipType::answer;
    case Kind::news:
        return GossipType::news;
    }
    return GossipType::none;
}

std::optional<Kind> kind_of(GossipType type) {
    for (Kind kind : {Kind::push, Kind::pull, Kind::ask, Kind::answer, Kind::news})
        if (type_of(kind) == type) return kind;
    return std::nullopt;
}

State state_in(GossipEntry const& entry) {
    switch (entry.state()) {
    case EntryState::alive:
        return State::alive;
    case EntryState::suspect:
        return State::suspect;
    case EntryState::dead:
        return State::dead;
    case EntryState::left:
        return State::left;
    case EntryState::none:
        break;
    }
    return State::unknown;
}

EntryState state_for(State state) {
    switch (state) {
    case State::alive:
        return EntryState::alive;
    case State::suspect:
        return EntryState::suspect;
    case State::dead:
        return EntryState::dead;
    case State::left:
        return EntryState::left;
    case State::unknown:
        break;
    }
    return EntryState::none;
}

wire::Card card_of(Bulletin const& own, uint16_t port) {
    wire::Card card;
    card.name = own.name;
    card.incarnation = own.incarnation;
    card.addresses = own.addresses;
    card.addresses.resize(std::min(card.addresses.size(), wire::addresses_max));
    card.port = port;
    card.cores = own.cores;
    card.speed = own.speed;
    card.memory_total = own.memory_total;
    card.session_version = own.session_version;
    card.cpu_features = own.cpu_features;
    card.kernel = own.kernel.substr(0, 64);
    card.group = own.group;
    return card;
}

GossipEntry vitals_of(Bulletin const& own, wire::Card const& card) {
    GossipEntry entry;
    entry.life = wire::life_of(own.name, own.incarnation);
    uint64_t quarter = own.memory_total / 4;
    uint64_t movable = quarter == 0 ? 0 : std::min<uint64_t>(own.memory_movable / quarter, 3);
    entry.status = static_cast<uint8_t>(
        (own.blocked ? 8 : 0) | (own.balancing ? 16 : 0) | (own.crowded ? 32 : 0) | movable << 6);
    entry.card = wire::card_digest(card);
    entry.load = clipped<uint16_t>(own.load * 100);
    entry.guests = clipped<uint16_t>(own.guests);
    entry.memory_free = clipped<uint32_t>(static_cast<double>(own.memory_free / mebibyte));
    return entry;
}

Bulletin bulletin_of(wire::Card const& card, GossipEntry const& entry) {
    Bulletin bulletin;
    bulletin.name = card.name;
    bulletin.incarnation = card.incarnation;
    bulletin.addresses = card.addresses;
    bulletin.blocked = entry.blocked();
    bulletin.balancing = entry.balancing();
    bulletin.crowded = entry.crowded();
    bulletin.memory_movable = card.memory_total / 4 * entry.movable_quarters();
    bulletin.load = entry.load / 100.0;
    bulletin.cores = card.cores;
    bulletin.speed = card.speed;
    bulletin.memory_total = card.memory_total;
    bulletin.memory_free = std::min(entry.memory_free * mebibyte, card.memory_total);
    bulletin.guests = entry.guests;
    bulletin.session_version = card.session_version;
    bulletin.cpu_features = card.cpu_features;
    bulletin.kernel = card.kernel;
    bulletin.group = card.group;
    return bulletin;
}

} // namespace rove::node
