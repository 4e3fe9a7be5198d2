// SPDX-License-Identifier: Apache-2.0
// Tests of the board.
#include "node/board.hh"

#include <gtest/gtest.h>

namespace rove::node {
namespace {

using std::chrono::milliseconds;

wire::Bulletin bulletin_of(std::string name, uint64_t incarnation = 1) {
    wire::Bulletin bulletin;
    bulletin.name = std::move(name);
    bulletin.incarnation = incarnation;
    bulletin.addresses = {"10.0.0.9"};
    return bulletin;
}

struct BoardTest : testing::Test {
    BoardTest() {
        board.set_own(bulletin_of("n1"));
        board.add("n2", "10.0.0.2");
        board.subscribe([this](Member const& member, bool new_incarnation) {
            told.push_back(
                member.name + " " + word(member.state) + (new_incarnation ? " anew" : ""));
        });
    }
    MemberState state(Nanos now) { return board.find("n2", now)->state; }
    ListBoard board;
    std::vector<std::string> told;
};

TEST_F(BoardTest, silence_makes_suspect_then_dead) {
    EXPECT_EQ(state(Nanos(0)), MemberState::dead);
    board.hear(bulletin_of("n2"), Nanos(0));
    EXPECT_EQ(state(milliseconds(1499)), MemberState::up);
    EXPECT_EQ(state(milliseconds(1500)), MemberState::suspect);
    EXPECT_EQ(state(milliseconds(3000)), MemberState::dead);
    board.tick(milliseconds(1000));
    board.tick(milliseconds(1600));
    board.tick(milliseconds(1700));
    board.tick(milliseconds(3100));
    EXPECT_EQ(told, (std::vector<std::string>{"n2 up", "n2 suspect", "n2 dead"}));
}

TEST_F(BoardTest, a_new_incarnation_is_told) {
    board.hear(bulletin_of("n2", 1), Nanos(0));
    board.hear(bulletin_of("n2", 1), milliseconds(500));
    board.hear(bulletin_of("n2", 2), milliseconds(1000));
    EXPECT_EQ(told, (std::vector<std::string>{"n2 up", "n2 up anew"}));
}

TEST_F(BoardTest, who_left_comes_back_by_a_bulletin) {
    board.hear(bulletin_of("n2"), Nanos(0));
    board.set_left("n2", milliseconds(10));
    EXPECT_EQ(state(milliseconds(10)), MemberState::left);
    board.hear(bulletin_of("n2"), milliseconds(20));
    EXPECT_EQ(state(milliseconds(20)), MemberState::up);
}

TEST_F(BoardTest, strangers_and_oneself_are_not_heard) {
    board.hear(bulletin_of("n9"), Nanos(0));
    board.hear(bulletin_of("n1", 77), Nanos(0));
    EXPECT_FALSE(board.find("n9", Nanos(0)));
    EXPECT_EQ(board.find("n1", Nanos(0))->bulletin->incarnation, 1u);
    EXPECT_EQ(board.find("n1", Nanos(0))->age, Nanos(0));
    auto members = board.members(Nanos(0));
    ASSERT_EQ(members.size(), 2u);
    EXPECT_EQ(members[0].name, "n1");
    EXPECT_EQ(members[1].address, "10.0.0.2");
}

TEST_F(BoardTest, blocked_is_a_state_of_its_own) {
    auto blocked = bulletin_of("n2");
    blocked.blocked = 1;
    board.hear(blocked, Nanos(0));
    EXPECT_EQ(state(Nanos(0)), MemberState::blocked);
    EXPECT_TRUE(board.find("n2", Nanos(0))->reachable());
}

TEST_F(BoardTest, numbers_in_names_count_as_numbers) {
    for (char const* name : {"n10", "n3", "a", "n03", "n2b"})
        board.add(name, "10.0.0.9");
    std::string order;
    for (Member const& member : board.members(Nanos(0)))
        order += member.name + " ";
    EXPECT_EQ(order, "a n1 n2 n2b n03 n3 n10 ");
}

} // namespace
} // namespace rove::node
