// SPDX-License-Identifier: Apache-2.0
// Gossip: what is in the datagrams by which nodes keep their boards, inside the seal.
//
// A bulletin is split in two. What changes all the time is in entries of a fixed size, of which a
// datagram carries many. What hardly ever changes is on a card, which is fetched once by whoever
// meets an entry whose card it does not have. A node is named by its life, a hash of name and
// incarnation, and the card tells which name that is.
//
// Hosted only. A later version may make entries and cards longer; what is not known is skipped.
#pragma once

#include "wire/describe.hh"

namespace rove::wire {

inline constexpr size_t datagram_max = 1400;
inline constexpr size_t card_max = 1000, lives_max = 100, addresses_max = 8;

/// APPEND ONLY; numbers are the protocol.
enum class GossipType : uint8_t {
    none = 0,
    push = 1,   // entries: the sender's own first, then the youngest it knows; wants an answer
    pull = 2,   // the sender's own entry; wants a push
    ask = 3,    // the sender's own entry; wants an answer
    answer = 4, // the sender's own entry
    news = 5,   // entries that are urgent
    who = 6,    // lives whose cards are wanted
    cards = 7,  // cards
};

struct GossipHead {
    GossipType type = GossipType::none;
    uint8_t entry_bytes = 0; // of each entry; 0 where there are none
    uint16_t count = 0;      // of entries, lives or cards
    uint64_t life = 0;       // the sender's
};
template <class V> void describe(V& v, GossipHead& m) {
    v.field("type", m.type);
    v.field("entry_bytes", m.entry_bytes);
    v.field("count", m.count);
    v.field("life", m.life);
}

enum class EntryState : uint8_t { none = 0, alive = 1, suspect = 2, dead = 3, left = 4 };

/// What a node says of a node.
struct GossipEntry {
    uint64_t life = 0;
    uint32_t issue = 0;  // which bulletin of that life
    uint32_t age_ms = 0; // alive: of the bulletin; else for how long it has been silent, or gone
    // Bits 0–2: EntryState; 3: takes no guests; 4: automatic migration is on; 5: nobody is wanted
    // for its cores now; 6–7: quarters of its memory that are of processes that could leave.
    uint8_t status = 0;
    uint8_t urgency = 0; // how often it is still to be sent before all else
    uint16_t card = 0;   // digest of the card
    uint16_t load = 0;   // in hundredths
    uint16_t guests = 0;
    uint32_t memory_free = 0; // in MiB

    EntryState state() const { return static_cast<EntryState>(status & 7); }
    bool blocked() const { return (status & 8) != 0; }
    bool balancing() const { return (status & 16) != 0; }
    bool crowded() const { return (status & 32) != 0; }
    unsigned movable_quarters() const { return status >> 6; }
};
template <class V> void describe(V& v, GossipEntry& m) {
    v.field("life", m.life);
    v.field("issue", m.issue);
    v.field("age_ms", m.age_ms);
    v.field("status", m.status);
    v.field("urgency", m.urgency);
    v.field("card", m.card);
    v.field("load", m.load);
    v.field("guests", m.guests);
    v.field("memory_free", m.memory_free);
}
inline constexpr uint8_t entry_bytes = 28;

struct Card {
    std::string name;
    uint64_t incarnation = 0;
    std::vector<std::string> addresses; // numeric, without port
    uint16_t port = 0;                  // for datagrams and for peers; 0: nobody can reach it
    double cores = 0;
    double speed = 0; // 1.0: the reference core
    uint64_t memory_total = 0;
    uint16_t session_version = 0;
    std::vector<uint32_t> cpu_features;
    std::string kernel;
    uint8_t group = 0; // who is of the same one is known in full
};
template <class V> void describe(V& v, Card& m) {
    v.field("name", m.name);
    v.field("incarnation", m.incarnation);
    v.field("addresses", m.addresses);
    v.field("port", m.port);
    v.field("cores", m.cores);
    v.field("speed", m.speed);
    v.field("memory_total", m.memory_total);
    v.field("session_version", m.session_version);
    v.field("cpu_features", m.cpu_features);
    v.field("kernel", m.kernel);
    v.field("group", m.group);
}

// FNV-1a: both ends must get the same number, and nobody without the key can choose one.
inline uint64_t digest(std::string_view bytes) {
    uint64_t sum = 0xcbf29ce484222325;
    for (char byte : bytes)
        sum = (sum ^ static_cast<uint8_t>(byte)) * 0x100000001b3;
    return sum;
}
inline uint64_t life_of(std::string_view name, uint64_t incarnation) {
    std::string bytes(name);
    bytes.append(reinterpret_cast<char const*>(&incarnation), sizeof incarnation);
    return digest(bytes);
}
inline uint16_t card_digest(Card const& card) {
    return static_cast<uint16_t>(digest(encode(card)) >> 48);
}

struct GossipDatagram {
    GossipHead head;
    std::vector<GossipEntry> entries;
    std::vector<uint64_t> lives;
    std::vector<Card> cards;
};

/// head.count and head.entry_bytes are set here.
std::string encode_gossip(GossipDatagram datagram);
/// Nothing if the bytes are no datagram. A type that we do not know has its head alone.
std::optional<GossipDatagram> decode_gossip(std::string_view bytes);
/// How many of the cards at the front fit into one datagram.
size_t cards_that_fit(std::vector<Card> const& cards, size_t room);

} // namespace rove::wire
