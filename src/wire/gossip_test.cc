// SPDX-License-Identifier: Apache-2.0
// Tests of the gossip datagrams.
#include "wire/gossip.hh"

#include <gtest/gtest.h>

namespace rove::wire {
namespace {

Card card_of(std::string name) {
    Card card;
    card.name = std::move(name);
    card.incarnation = 0x123456789;
    card.addresses = {"10.0.0.7"};
    card.port = 7946;
    card.cores = 4;
    card.cpu_features = {1, 2, 3};
    card.kernel = "6.1.0";
    return card;
}

GossipDatagram push_of(size_t entries) {
    GossipDatagram push;
    push.head.type = GossipType::push;
    push.head.life = life_of("n1", 5);
    for (size_t i = 0; i < entries; ++i) {
        GossipEntry entry;
        entry.life = i;
        entry.issue = 1000;
        entry.status = 1 | 16;
        entry.load = 250;
        push.entries.push_back(entry);
    }
    return push;
}

TEST(Gossip, an_entry_has_the_bytes_that_the_head_says) {
    EXPECT_EQ(encode(GossipEntry{}).size(), entry_bytes);
    std::string bytes = encode_gossip(push_of(48));
    EXPECT_LE(bytes.size() + 40, datagram_max) << "with the seal";
    auto read = decode_gossip(bytes);
    ASSERT_TRUE(read);
    ASSERT_EQ(read->entries.size(), 48u);
    EXPECT_EQ(read->entries[47].life, 47u);
    EXPECT_EQ(read->entries[47].state(), EntryState::alive);
    EXPECT_TRUE(read->entries[47].balancing());
    EXPECT_FALSE(read->entries[47].blocked());
    EXPECT_EQ(read->head.life, life_of("n1", 5));
}

TEST(Gossip, cards_come_and_go) {
    GossipDatagram cards;
    cards.head.type = GossipType::cards;
    cards.cards = {card_of("n1"), card_of("n2")};
    auto read = decode_gossip(encode_gossip(cards));
    ASSERT_TRUE(read);
    ASSERT_EQ(read->cards.size(), 2u);
    EXPECT_EQ(encode(read->cards[1]), encode(cards.cards[1]));
    EXPECT_EQ(cards_that_fit(cards.cards, encode_gossip(cards).size()), 2u);
    EXPECT_EQ(cards_that_fit(cards.cards, encode_gossip(cards).size() - 1), 1u);
}

TEST(Gossip, a_later_version_may_say_more) {
    // Longer entries, and a card with a field behind those that we know.
    GossipHead head{GossipType::push, entry_bytes + 3, 2, 9};
    std::string longer = encode(head);
    for (GossipEntry const& entry : push_of(2).entries)
        longer += encode(entry) + "new";
    auto read = decode_gossip(longer);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->entries[1].life, 1u);
    EXPECT_EQ(read->entries[1].load, 250);

    std::string card = encode(card_of("n3")) + "more";
    auto length = static_cast<uint16_t>(card.size());
    std::string bytes = encode(GossipHead{GossipType::cards, 0, 1, 9});
    bytes.append(reinterpret_cast<char const*>(&length), 2).append(card);
    ASSERT_TRUE(decode_gossip(bytes));
    EXPECT_EQ(decode_gossip(bytes)->cards[0].name, "n3");

    // A type of the future is no error, and nothing that we act on.
    read = decode_gossip(encode(GossipHead{static_cast<GossipType>(99), 1, 7, 9}) + "whatever");
    ASSERT_TRUE(read);
    EXPECT_TRUE(read->entries.empty() && read->lives.empty() && read->cards.empty());
}

TEST(Gossip, what_is_no_datagram_is_refused) {
    std::string good = encode_gossip(push_of(3));
    for (size_t cut = 0; cut < good.size(); ++cut)
        EXPECT_FALSE(decode_gossip(std::string_view(good).substr(0, cut))) << cut;
    EXPECT_FALSE(decode_gossip(good + "x"));
    EXPECT_FALSE(decode_gossip(encode(GossipHead{GossipType::push, 4, 1, 9}) + "four"))
        << "entries that are too short";
    EXPECT_FALSE(
        decode_gossip(encode(GossipHead{GossipType::who, 0, 500, 9}) + std::string(4000, 'x')))
        << "too many questions";
    EXPECT_FALSE(decode_gossip(encode(GossipHead{GossipType::cards, 0, 1, 9}) + "\xff\xff"));
    Card nameless = card_of("");
    GossipDatagram cards;
    cards.head.type = GossipType::cards;
    cards.cards = {nameless};
    EXPECT_FALSE(decode_gossip(encode_gossip(cards)));
}

TEST(Gossip, a_life_is_a_name_and_an_incarnation) {
    EXPECT_NE(life_of("n1", 1), life_of("n1", 2));
    EXPECT_NE(life_of("n1", 1), life_of("n2", 1));
    Card card = card_of("n1"), other = card;
    other.cores = 2;
    EXPECT_NE(card_digest(card), card_digest(other));
}

} // namespace
} // namespace rove::wire
