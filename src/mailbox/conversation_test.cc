// SPDX-License-Identifier: Apache-2.0
// What a conversation takes from the other end of its line, and what it does not; addresses;
// letters.
#include <array>

#include <gtest/gtest.h>

#include "mailbox/mailbox.hh"

namespace rove::mailbox {
namespace {

constexpr uint64_t window = 1000;

struct Pair : ::testing::Test {
    Conversation here{{1, 2}, window}, there{{2, 1}, window};
    std::vector<std::string> got;
    Conversation::Deliver deliver = [this](Buffer bytes) { got.emplace_back(bytes.text()); };

    void SetUp() override {
        here.attach({});
        there.attach({});
    }
    static std::string all_of(Conversation& from) {
        std::string all;
        std::array<Piece, 8> pieces;
        for (size_t i = 0, count = from.gather(pieces); i < count; ++i)
            all.append(pieces[i].bytes, pieces[i].length);
        from.written(all.size());
        return all;
    }
    static void post(Conversation& from, std::string_view text) {
        from.post(*Buffer::copy_of(text));
    }
    void exchange() {
        while (here.wants_to_write() || there.wants_to_write()) {
            auto words = all_of(here), answer = all_of(there);
            ASSERT_TRUE(there.feed(words, deliver));
            ASSERT_TRUE(here.feed(answer, deliver));
        }
    }
    static std::string frame(FrameType type, uint64_t sequence = 0, uint32_t length = 0,
        uint64_t taken = 0, uint64_t freed = 0) {
        FrameHead head;
        head.type = type;
        head.sequence = sequence;
        head.length = length;
        head.taken = taken;
        head.freed = freed;
        return std::string(reinterpret_cast<char const*>(&head), sizeof head);
    }
    void greet() { ASSERT_TRUE(here.feed(all_of(there), deliver)); }
};

TEST_F(Pair, a_new_line_repeats_what_is_not_known_to_be_there_and_it_arrives_once) {
    post(here, "one");
    post(here, "two");
    ASSERT_TRUE(there.feed(all_of(here), deliver));
    EXPECT_EQ(here.unsettled(), 2u);
    here.attach({});
    there.attach({});
    exchange();
    EXPECT_EQ(got, (std::vector<std::string>{"one", "two"}));
    EXPECT_TRUE(here.settled());
}

TEST_F(Pair, room_is_given_back_by_reading) {
    post(here, std::string(window, 'x'));
    EXPECT_FALSE(here.has_room(0));
    exchange();
    here.ask(Conversation::Want::room);
    exchange();
    EXPECT_TRUE(here.settled());
    EXPECT_FALSE(here.has_room(0));
    there.read(window);
    exchange();
    EXPECT_TRUE(here.has_room(window));
}

TEST(Conversation, who_is_idle_tells_room_sooner) {
    constexpr size_t large = 1 << 20, length = large / 32;
    Conversation here{{1, 2}, large}, there{{2, 1}, large};
    Conversation::Deliver const deliver = [](Buffer) {};
    here.attach({});
    there.attach({});
    ASSERT_TRUE(here.feed(Pair::all_of(there), deliver));
    Pair::post(here, std::string(length, 'x'));
    ASSERT_TRUE(there.feed(Pair::all_of(here), deliver));
    there.read(length);
    EXPECT_FALSE(there.wants_to_write());
    there.acknowledge();
    EXPECT_TRUE(there.wants_to_write());
    ASSERT_TRUE(here.feed(Pair::all_of(there), deliver));
    EXPECT_TRUE(here.settled());
    there.acknowledge();
    EXPECT_FALSE(there.wants_to_write());
}

TEST_F(Pair, the_last_word_comes_behind_the_last_message) {
    post(here, "last");
    here.finish();
    exchange();
    EXPECT_EQ(got, std::vector<std::string>{"last"});
    EXPECT_TRUE(there.left());
    EXPECT_TRUE(there.over());
}

TEST_F(Pair, a_line_rests_when_both_have_nothing_to_say) {
    post(here, "word");
    exchange();
    here.offer_rest(); // not yet: nobody knows whether the word has arrived
    EXPECT_FALSE(here.wants_to_write());
    here.ask(Conversation::Want::taken);
    exchange();
    here.offer_rest();
    exchange();
    EXPECT_TRUE(here.over() && here.resting() && there.over() && there.resting());
}

TEST_F(Pair, nothing_before_the_greeting) {
    EXPECT_FALSE(here.feed(frame(FrameType::ack), deliver));
}

TEST_F(Pair, another_mailbox_is_not_the_one) {
    Conversation stranger({3, 1}, window);
    stranger.attach({});
    EXPECT_FALSE(here.feed(all_of(stranger), deliver));
    Conversation lost({2, 7}, window);
    lost.attach({});
    EXPECT_FALSE(Conversation({1, 2}, window).feed(all_of(lost), deliver));
}

TEST_F(Pair, numbers_that_make_no_sense) {
    greet();
    EXPECT_FALSE(here.feed(frame(FrameType::message, 2), deliver));
    SetUp();
    greet();
    EXPECT_FALSE(here.feed(frame(FrameType::message, 0), deliver));
    SetUp();
    greet();
    EXPECT_FALSE(here.feed(frame(FrameType::ack, 0, 0, 1), deliver)); // took what was not sent
    SetUp();
    greet();
    EXPECT_FALSE(here.feed(frame(FrameType::ack, 0, 0, 0, 1), deliver));
    SetUp();
    greet();
    EXPECT_FALSE(here.feed(frame(FrameType::ack, 0, 1), deliver)); // has no body
    SetUp();
    greet();
    EXPECT_FALSE(here.feed(frame(static_cast<FrameType>(99)), deliver));
    EXPECT_TRUE(got.empty());
}

TEST_F(Pair, more_than_there_is_room_for) {
    greet();
    EXPECT_TRUE(here.feed(frame(FrameType::message, 1, 800) + std::string(800, 'x'), deliver));
    EXPECT_FALSE(here.feed(frame(FrameType::message, 2, 800), deliver));
    here.read(800);
    EXPECT_EQ(got.size(), 1u);
}

TEST_F(Pair, who_may_not_speak_is_not_heard) {
    here.attach({true, false});
    greet();
    EXPECT_FALSE(here.feed(frame(FrameType::message, 1, 1) + "x", deliver));
    EXPECT_TRUE(got.empty());
}

TEST(Address, is_text_and_back) {
    Address address{"n1.site-2", 4711, 0x8c12f0a955e1d203};
    EXPECT_EQ(text_of(address), "n1.site-2:4711:8c12f0a955e1d203");
    EXPECT_EQ(*parse_address(text_of(address)), address);
    for (auto const* wrong : {"", "n1", "n1:1", "n1:0:8c12f0a955e1d203", "n1:1:8C12f0a955e1d203",
             "n1:1:8c12f0a955e1d20", ":1:8c12f0a955e1d203", "n/1:1:8c12f0a955e1d203",
             "n1:-1:8c12f0a955e1d203", "n1:1:8c12f0a955e1d203:", "n1:01:8c12f0a955e1d203"})
        EXPECT_FALSE(parse_address(wrong)) << wrong;
}

TEST(Letters, are_found_by_sender_length_and_pattern) {
    Letters letters;
    for (Peer sender : {0u, 1u, 0u})
        letters.add({Letter::Kind::message, sender,
            *Buffer::copy_of(sender == 0 ? "hello" : "hello world"), 0});
    letters.add({Letter::Kind::gone, 1, {}, 3});
    Filter filter;
    filter.length_min = 6;
    EXPECT_EQ(letters.find(filter)->bytes.text(), "hello world");
    filter = {};
    filter.pattern = "world";
    EXPECT_EQ(letters.find(filter)->kind, Letter::Kind::gone);
    filter.pattern_at = 6;
    EXPECT_EQ(letters.find(filter)->sender, 1u);
    filter.pattern_at = 100;
    filter.sender = 0;
    EXPECT_EQ(letters.find(filter), nullptr);
    EXPECT_EQ(letters.take(letters.find({})).sender, 0u);
    EXPECT_EQ(letters.count(), 3u);
}

} // namespace
} // namespace rove::mailbox
