// SPDX-License-Identifier: Apache-2.0
// A message that comes straight into the room of who waits for it, and what becomes of it if he
// does not wait until it is whole.
#include <array>
#include <numeric>

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "mailbox/mailbox.hh"

namespace rove::mailbox {
namespace {

Address address_of(uint64_t incarnation) {
    Address address;
    address.incarnation = incarnation;
    return address;
}

struct Two {
    Mailbox here{address_of(1)}, there{address_of(2)};
    Peer to = here.meet(there.own()), from = there.meet(here.own());

    Two() {
        EXPECT_TRUE(here.line(to, 1, {}) && there.line(from, 1, {}));
        here.feed(to, sent_to(there, from));
        carry(words());
    }
    static std::string sent_to(Mailbox& mailbox, Peer peer) {
        std::string all;
        std::array<Piece, 8> pieces;
        while (size_t count = mailbox.gather(peer, pieces)) {
            size_t const before = all.size();
            for (Piece const& piece : std::span(pieces).first(count))
                all.append(piece.bytes, piece.length);
            mailbox.written(peer, all.size() - before);
        }
        return all;
    }
    std::string words() { return sent_to(here, to); }
    void carry(std::string_view bytes) { there.feed(from, bytes); }
    // As it goes over the line.
    std::string posted(std::string const& text) {
        std::string_view const parts[] = {text};
        EXPECT_EQ(here.send(to, parts), Mailbox::Sent::yes);
        return words();
    }
    Letter const* letter() { return there.look({}); }
};

std::string bytes_of(size_t length) {
    std::string text(length, '\0');
    std::iota(text.begin(), text.end(), static_cast<char>(length));
    return text;
}

struct Lending : ::testing::Test {
    Two two;
    std::string const text = bytes_of(20000);
    std::string room = std::string(30000, '-');
    std::string_view bytes() { return two.letter()->bytes.text(); }
};

TEST_F(Lending, a_message_comes_into_the_room_of_who_waits) {
    EXPECT_TRUE(two.there.lend({}, room));
    two.carry(two.posted(text));
    ASSERT_TRUE(two.letter());
    EXPECT_EQ(bytes().data(), room.data());
    EXPECT_EQ(bytes(), text);
    two.there.fetch_home();
    room.assign(room.size(), '-');
    EXPECT_EQ(bytes(), text);
}

TEST_F(Lending, what_has_come_in_part_is_fetched) {
    std::string const words = two.posted(text);
    EXPECT_TRUE(two.there.lend({}, room));
    two.carry(std::string_view(words).substr(0, 9000));
    EXPECT_NE(room[0], '-');
    two.there.fetch_home();
    room.assign(room.size(), '-');
    two.carry(std::string_view(words).substr(9000));
    ASSERT_TRUE(two.letter());
    EXPECT_EQ(bytes(), text);
    EXPECT_EQ(room, std::string(room.size(), '-'));
}

TEST_F(Lending, only_the_next_one_that_fits_lies_there) {
    Filter filter;
    filter.length_max = text.size();
    EXPECT_TRUE(two.there.lend(filter, room));
    EXPECT_FALSE(two.there.lend({}, room));
    for (std::string const& sent : {text + "1", text, bytes_of(20000)})
        two.carry(two.posted(sent));
    for (bool in_room : {false, true, false}) {
        auto const letter = two.there.take(two.letter());
        EXPECT_EQ(letter.bytes.text().data() == room.data(), in_room);
    }
}

TEST_F(Lending, what_a_filter_says_of_bytes_is_not_known_before_them) {
    Filter filter;
    filter.pattern = "x";
    EXPECT_TRUE(two.there.lend(filter, room));
    two.carry(two.posted(text));
    EXPECT_NE(bytes().data(), room.data());
    two.there.fetch_home();
    EXPECT_TRUE(two.there.lend({}, std::span(room).first(text.size() - 1)));
    two.carry(two.posted(text));
    EXPECT_EQ(room, std::string(room.size(), '-'));
}

TEST(Lendings, nothing_is_lost_whenever_a_room_is_lent_and_taken_back) {
    rc::check([] {
        Two two;
        std::string words, room(20000, '-');
        std::vector<std::string> sent;
        uint32_t const count = *rc::gen::inRange(1, 6);
        for (uint32_t i = 0; i < count; ++i) {
            sent.push_back(bytes_of(*rc::gen::inRange<size_t>(0, 25000)));
            words += two.posted(sent.back());
        }
        std::string_view rest = words;
        while (!rest.empty()) {
            if (*rc::gen::inRange(0, 3) == 0) {
                two.there.fetch_home();
                room.assign(room.size(), '-');
            }
            if (*rc::gen::inRange(0, 2) == 0) (void)two.there.lend({}, room);
            auto const part = rest.substr(0, *rc::gen::inRange<size_t>(1, 12000));
            two.carry(part);
            rest.remove_prefix(part.size());
        }
        two.there.fetch_home();
        room.assign(room.size(), '-');
        for (auto const& text : sent) {
            RC_ASSERT(two.letter() != nullptr);
            RC_ASSERT(two.there.take(two.letter()).bytes.text() == text);
        }
    });
}

} // namespace
} // namespace rove::mailbox
