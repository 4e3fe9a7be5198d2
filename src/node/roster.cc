// SPDX-License-Identifier: Apache-2.0
// Roster: names, lives and cards.
#include "node/roster.hh"

#include <algorithm>
#include <cmath>

#include "node/config.hh"

namespace rove::node {

namespace {

// Cards come from members only, but one of them may be out of its mind.
constexpr size_t nodes_max = 20000, lives_max = 8 * nodes_max;

bool makes_sense(wire::Card const& card) {
    auto sane = [](double number) { return std::isfinite(number) && number >= 0 && number < 1e6; };
    // Names of hosts would have to be looked up.
    auto numeric = [](std::string const& address) {
        return address.find_first_not_of("0123456789abcdefABCDEF.:") == std::string::npos;
    };
    return std::all_of(card.addresses.begin(), card.addresses.end(), numeric) &&
           is_node_name(card.name) && card.incarnation != 0 && sane(card.cores) && sane(card.speed);
}

} // namespace

std::string Known::contact() const {
    if (!configured.empty()) return configured;
    if (!card || card->addresses.empty() || card->port == 0) return source;
    std::string const& address = card->addresses.front();
    bool brackets = address.find(':') != std::string::npos;
    return (brackets ? "[" + address + "]" : address) + ":" + std::to_string(card->port);
}

std::optional<NodeIndex> Roster::meet(std::string const& name) {
    auto next = static_cast<NodeIndex>(all_.size());
    if (auto known = find(name)) return known;
    if (next == nodes_max) return std::nullopt;
    by_name_[name] = next;
    all_.emplace_back().name = name;
    return next;
}

std::optional<NodeIndex> Roster::find(std::string const& name) const {
    auto found = by_name_.find(name);
    return found == by_name_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<Life> Roster::whose(uint64_t life) const {
    auto found = by_life_.find(life);
    return found == by_life_.end() ? std::nullopt : std::optional(found->second);
}

bool Roster::take(wire::Card const& card) {
    if (!makes_sense(card) || by_life_.size() >= lives_max) return false;
    auto node = meet(card.name);
    if (!node) return false;
    by_life_[wire::life_of(card.name, card.incarnation)] = {*node, card.incarnation};
    Known& known = all_[*node];
    if (known.card && known.card->incarnation > card.incarnation) return true;
    // Of two cards of one life that one counts which its node's last entry means.
    bool same_life = known.card && known.card->incarnation == card.incarnation;
    if (same_life && known.entry && wire::card_digest(*known.card) == known.entry->card)
        return true;
    known.card = card;
    return true;
}

bool Roster::lacks_card(wire::GossipEntry const& entry) const {
    auto life = whose(entry.life);
    if (!life) return true;
    Known const& known = all_[life->node];
    return known.card && known.card->incarnation == life->incarnation && known.entry &&
           known.entry->life == entry.life && wire::card_digest(*known.card) != known.entry->card;
}

} // namespace rove::node
