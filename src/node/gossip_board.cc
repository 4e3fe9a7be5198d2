// SPDX-License-Identifier: Apache-2.0
// GossipBoard: from datagrams to what is known, and back.
#include "node/gossip_board.hh"

#include <algorithm>
#include <set>

#include <spdlog/spdlog.h>

#include "net/seal.hh"
#include "node/gossip_parts.hh"

namespace rove::node {

using gossip::Kind;
using gossip::State;
using gossip::Statement;
using wire::GossipEntry;
using wire::GossipType;

namespace {

constexpr size_t plain_max = wire::datagram_max - net::seal_bytes;
constexpr size_t held_max = 64, asked_max = 4096;
constexpr Nanos card_patience = std::chrono::milliseconds(300);

gossip::Time milliseconds(Nanos time) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(time).count();
}

} // namespace

void GossipBoard::begin(Bulletin own, uint16_t port, uint32_t first_issue, Nanos now) {
    port_ = port;
    life_ = wire::life_of(own.name, own.incarnation);
    self_ = *roster_.meet(own.name);
    roster_.enter(life_, {self_, own.incarnation});
    core_.emplace(self_, own.incarnation, first_issue, knobs_, own.group);
    set_own(std::move(own));
    // Starts its clock.
    (void)core_->step(gossip::Met{self_}, milliseconds(now), random_);
}

void GossipBoard::add(std::string const& name, std::string const& address_and_port, Nanos now) {
    auto node = roster_.meet(name);
    if (!node || *node == self_) return;
    roster_.at(*node).configured = address_and_port;
    (void)core_->step(gossip::Met{*node}, milliseconds(now), random_);
}

void GossipBoard::set_own(Bulletin own) {
    own_ = std::move(own);
    Known& known = roster_.at(self_);
    known.card = card_of(own_, port_);
    GossipEntry entry = vitals_of(own_, *known.card);
    known.entry = entry;
}

void GossipBoard::sudden(Nanos now) {
    (void)core_->step(gossip::Sudden{}, milliseconds(now), random_);
}

void GossipBoard::set_trouble(std::string const& name, std::string why) {
    if (auto node = roster_.find(name)) roster_.at(*node).trouble = std::move(why);
}

std::string GossipBoard::contact(std::string const& name) const {
    auto node = roster_.find(name);
    return node ? roster_.at(*node).contact() : "";
}

Nanos GossipBoard::due() const {
    return std::chrono::milliseconds(core_->due());
}

std::vector<Outgoing> GossipBoard::tick(Nanos now) {
    std::vector<Outgoing> out;
    perform(core_->step(gossip::Tick{}, milliseconds(now), random_), nullptr, now, out);
    return out;
}

std::vector<Outgoing> GossipBoard::leave(Nanos now) {
    std::vector<Outgoing> out;
    perform(core_->step(gossip::Leaving{}, milliseconds(now), random_), nullptr, now, out);
    return out;
}

std::vector<Outgoing> GossipBoard::tell(std::string const& name, Nanos now) {
    std::vector<Outgoing> out;
    if (auto node = roster_.find(name))
        perform(core_->step(gossip::Tell{*node}, milliseconds(now), random_), nullptr, now, out);
    return out;
}

// ---- what comes

std::vector<Outgoing> GossipBoard::receive(
    std::string const& from, std::string_view plain, Nanos now) {
    std::vector<Outgoing> out;
    auto datagram = wire::decode_gossip(plain);
    if (!datagram) {
        ++senseless_;
        return out;
    }
    if (datagram->head.life == life_) return out; // our own, from a mirror
    if (datagram->head.type == GossipType::who)
        give_cards(from, *datagram, out);
    else if (datagram->head.type == GossipType::cards)
        take_cards(from, *datagram, now, out);
    else if (kind_of(datagram->head.type)) {
        ask_for_cards(from, *datagram, now, out);
        hear(from, *datagram, now, out);
    }
    return out;
}

void GossipBoard::hear(
    std::string const& from, Datagram const& datagram, Nanos now, std::vector<Outgoing>& out) {
    auto sender = roster_.whose(datagram.head.life);
    if (!sender || sender->node == self_) return;
    roster_.at(sender->node).source = from;
    gossip::Received received{sender->node, {*kind_of(datagram.head.type), {}}};
    for (GossipEntry const& entry : datagram.entries)
        if (auto life = roster_.whose(entry.life))
            received.message.statements.push_back({life->node, state_in(entry), entry.urgency,
                entry.issue, entry.age_ms, life->incarnation});
    perform(core_->step(received, milliseconds(now), random_), &datagram, now, out);
}

// A datagram that names somebody we have not met is heard again when the cards have come, so that
// who joins need not wait for another.
void GossipBoard::ask_for_cards(
    std::string const& from, Datagram const& datagram, Nanos now, std::vector<Outgoing>& out) {
    std::vector<uint64_t> wanted;
    if (!roster_.whose(datagram.head.life)) wanted.push_back(datagram.head.life);
    for (GossipEntry const& entry : datagram.entries)
        if (entry.life != datagram.head.life || wanted.empty())
            if (entry.life != life_ && roster_.lacks_card(entry)) wanted.push_back(entry.life);
    if (wanted.empty()) return;
    if (held_.size() == held_max) held_.clear();
    held_[datagram.head.life] = datagram;
    if (asked_.size() > asked_max) asked_.clear();
    std::erase_if(wanted, [&](uint64_t life) {
        auto [asked, first] = asked_.try_emplace(life, now);
        if (!first && now - asked->second < card_patience) return true;
        asked->second = now;
        return false;
    });
    if (wanted.empty()) return;
    wanted.resize(std::min(wanted.size(), wire::lives_max));
    Datagram who = this->datagram(GossipType::who);
    who.lives = std::move(wanted);
    out.push_back({from, wire::encode_gossip(std::move(who))});
}

void GossipBoard::give_cards(
    std::string const& to, Datagram const& asked, std::vector<Outgoing>& out) const {
    std::vector<wire::Card> cards;
    // Each once, so that a short question has no long answer.
    for (uint64_t life : std::set<uint64_t>(asked.lives.begin(), asked.lives.end())) {
        auto whose = roster_.whose(life);
        if (life == life_) whose = Life{self_, own_.incarnation};
        if (!whose) continue;
        auto const& card = roster_.at(whose->node).card;
        if (card && card->incarnation == whose->incarnation) cards.push_back(*card);
    }
    while (!cards.empty()) {
        size_t count = std::max<size_t>(1, wire::cards_that_fit(cards, plain_max));
        auto end = cards.begin() + static_cast<ptrdiff_t>(count);
        Datagram part = datagram(GossipType::cards);
        part.cards.assign(cards.begin(), end);
        cards.erase(cards.begin(), end);
        out.push_back({to, wire::encode_gossip(std::move(part))});
    }
}

void GossipBoard::take_cards(
    std::string const& from, Datagram const& datagram, Nanos now, std::vector<Outgoing>& out) {
    for (wire::Card const& card : datagram.cards) {
        uint64_t life = wire::life_of(card.name, card.incarnation);
        asked_.erase(life);
        if (card.name == own_.name) {
            // Of an earlier life of ours, mostly.
            if (card.incarnation > own_.incarnation)
                spdlog::error("another node calls itself {}, too, or this node's clock was set "
                              "back since its last start",
                    own_.name);
            continue;
        }
        if (!roster_.take(card)) {
            ++senseless_;
            continue;
        }
        NodeIndex met = *roster_.find(card.name);
        (void)core_->step(
            gossip::Placed{met, roster_.at(met).card->group}, milliseconds(now), random_);
        // Whom we know under another name by the configuration.
        if (life != datagram.head.life) continue;
        for (NodeIndex node = 0; node < roster_.size(); ++node)
            if (roster_.at(node).configured == from && roster_.at(node).name != card.name)
                roster_.at(node).trouble = "it calls itself '" + card.name + "'";
    }
    auto held = held_.extract(datagram.head.life);
    if (!held.empty()) hear(from, held.mapped(), now, out);
}

// ---- what follows

void GossipBoard::perform(
    gossip::Actions const& actions, Datagram const* came, Nanos now, std::vector<Outgoing>& out) {
    for (NodeIndex node : actions.fresh) {
        Known& known = roster_.at(node);
        for (GossipEntry const& entry : came->entries)
            if (entry.life == wire::life_of(known.name, core_->entry(node).incarnation))
                known.entry = entry;
        known.trouble.clear();
    }
    for (gossip::Change const& change : actions.changed)
        tell(change.node, now, change.new_incarnation);
    // One that has only begun, or ceased, to take guests.
    for (NodeIndex node : actions.fresh)
        tell(node, now, false);
    if (came && came->head.type == GossipType::news && news)
        for (NodeIndex node : actions.fresh)
            if (auto sender = roster_.whose(came->head.life); sender && sender->node == node)
                news(roster_.at(node).name);
    for (gossip::Send const& send : actions.send)
        if (std::string to = roster_.at(send.to).contact(); !to.empty())
            out.push_back({to, encode(send.message)});
}

void GossipBoard::tell(NodeIndex node, Nanos now, bool new_incarnation) {
    told_.resize(roster_.size(), MemberState::dead);
    MemberState state = state_of(node);
    if (state == told_[node] && !new_incarnation) return;
    told_[node] = state;
    Member member = view(node, now);
    for (Changed const& changed : changed_)
        changed(member, new_incarnation);
}

GossipBoard::Datagram GossipBoard::datagram(GossipType type) const {
    Datagram datagram;
    datagram.head.type = type;
    datagram.head.life = life_;
    return datagram;
}

std::string GossipBoard::encode(gossip::Message const& message) const {
    Datagram datagram = this->datagram(type_of(message.kind));
    for (Statement const& statement : message.statements)
        if (roster_.at(statement.node).card) datagram.entries.push_back(entry_of(statement));
    return wire::encode_gossip(std::move(datagram));
}

GossipEntry GossipBoard::entry_of(Statement const& statement) const {
    Known const& known = roster_.at(statement.node);
    GossipEntry entry = known.entry.value_or(GossipEntry{});
    entry.life = wire::life_of(known.name, statement.incarnation);
    entry.issue = statement.issue;
    entry.age_ms = statement.age;
    entry.status = static_cast<uint8_t>(
        (entry.status & ~7) | static_cast<uint8_t>(state_for(statement.state)));
    entry.urgency = statement.urgency;
    return entry;
}

// ---- what is known

MemberState GossipBoard::state_of(NodeIndex node) const {
    if (node == self_) return own_.blocked ? MemberState::blocked : MemberState::up;
    Known const& known = roster_.at(node);
    switch (core_->entry(node).state) {
    case State::alive:
        return known.entry && known.entry->blocked() ? MemberState::blocked : MemberState::up;
    case State::suspect:
        return MemberState::suspect;
    case State::left:
        return MemberState::left;
    case State::dead:
    case State::unknown:
        break;
    }
    return MemberState::dead;
}

Member GossipBoard::view(NodeIndex node, Nanos now) const {
    Known const& known = roster_.at(node);
    Member member;
    member.name = known.name;
    member.state = state_of(node);
    member.trouble = known.trouble;
    std::string contact = known.contact();
    member.address = contact.substr(0, contact.rfind(':'));
    if (known.card && !known.card->addresses.empty())
        member.address = known.card->addresses.front();
    if (node == self_) {
        member.bulletin = own_;
        member.age = Nanos(0);
    } else if (known.card && known.entry) {
        member.bulletin = bulletin_of(*known.card, *known.entry);
        member.age = std::chrono::milliseconds(core_->age(node, milliseconds(now)));
    }
    return member;
}

std::optional<Member> GossipBoard::find(std::string const& name, Nanos now) const {
    auto node = roster_.find(name);
    return node ? std::optional(view(*node, now)) : std::nullopt;
}

std::vector<Member> GossipBoard::members(Nanos now) const {
    std::vector<Member> all;
    for (NodeIndex node = 0; node < roster_.size(); ++node)
        // Somebody of another group of whom nothing is known any more is not missed.
        if (core_->entry(node).state != State::unknown) all.push_back(view(node, now));
    std::sort(all.begin(), all.end(),
        [](Member const& a, Member const& b) { return NaturalLess{}(a.name, b.name); });
    return all;
}

} // namespace rove::node
