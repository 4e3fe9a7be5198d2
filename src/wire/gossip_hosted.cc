// SPDX-License-Identifier: Apache-2.0
// Gossip: datagrams to bytes and back. Hosted.
#include "wire/gossip.hh"

namespace rove::wire {

namespace {

bool has_entries(GossipType type) {
    switch (type) {
    case GossipType::push:
    case GossipType::pull:
    case GossipType::ask:
    case GossipType::answer:
    case GossipType::news:
        return true;
    case GossipType::who:
    case GossipType::cards:
    case GossipType::none:
        break;
    }
    return false;
}

constexpr size_t head_bytes = 12;
using CardLength = uint16_t;

// The message at the front of `bytes`, which is cut to it; it may go on with what we do not know.
template <class T> bool decode_front(std::string_view bytes, T& message) {
    Decoder decoder(bytes);
    describe(decoder, message);
    return decoder.ok();
}

bool is_card(Card const& card) {
    return !card.name.empty() && card.addresses.size() <= addresses_max;
}

bool decode_cards(std::string_view rest, size_t count, std::vector<Card>& cards) {
    for (size_t i = 0; i < count; ++i) {
        CardLength length = 0;
        if (rest.size() < sizeof length) return false;
        std::memcpy(&length, rest.data(), sizeof length);
        rest.remove_prefix(sizeof length);
        if (length > rest.size() || length > card_max) return false;
        Card card;
        if (!decode_front(rest.substr(0, length), card) || !is_card(card)) return false;
        cards.push_back(std::move(card));
        rest.remove_prefix(length);
    }
    return rest.empty();
}

} // namespace

std::string encode_gossip(GossipDatagram datagram) {
    GossipHead& head = datagram.head;
    head.count = static_cast<uint16_t>(
        datagram.entries.size() + datagram.lives.size() + datagram.cards.size());
    head.entry_bytes = has_entries(head.type) ? entry_bytes : 0;
    std::string bytes = encode(head);
    for (GossipEntry const& entry : datagram.entries)
        bytes += encode(entry);
    for (uint64_t life : datagram.lives)
        bytes.append(reinterpret_cast<char const*>(&life), sizeof life);
    for (Card const& card : datagram.cards) {
        std::string one = encode(card);
        auto length = static_cast<CardLength>(one.size());
        bytes.append(reinterpret_cast<char const*>(&length), sizeof length);
        bytes += one;
    }
    return bytes;
}

std::optional<GossipDatagram> decode_gossip(std::string_view bytes) {
    GossipDatagram datagram;
    GossipHead& head = datagram.head;
    if (bytes.size() > datagram_max || !decode_front(bytes, head)) return std::nullopt;
    std::string_view rest = bytes.substr(head_bytes);
    if (has_entries(head.type)) {
        if (head.entry_bytes < entry_bytes || rest.size() != size_t{head.count} * head.entry_bytes)
            return std::nullopt;
        for (; !rest.empty(); rest.remove_prefix(head.entry_bytes))
            (void)decode_front(rest, datagram.entries.emplace_back());
    } else if (head.type == GossipType::who) {
        if (head.count > lives_max || rest.size() != head.count * sizeof(uint64_t))
            return std::nullopt;
        datagram.lives.resize(head.count);
        if (head.count != 0) std::memcpy(datagram.lives.data(), rest.data(), rest.size());
    } else if (head.type == GossipType::cards) {
        if (!decode_cards(rest, head.count, datagram.cards)) return std::nullopt;
    }
    return datagram;
}

size_t cards_that_fit(std::vector<Card> const& cards, size_t room) {
    size_t used = head_bytes, count = 0;
    for (Card const& card : cards) {
        used += sizeof(CardLength) + encode(card).size();
        if (used > room) break;
        ++count;
    }
    return count;
}

} // namespace rove::wire
