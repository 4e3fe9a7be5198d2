// SPDX-License-Identifier: Apache-2.0
// Tests of who is let in when many want to be.
#include "node/visitors.hh"

#include <gtest/gtest.h>

namespace rove::node {
namespace {

struct VisitorsTest : testing::Test {
    Visitors visitors{{4, 12}, 0, parse_subordinate_uids("ann:100000:65536\nbob:165536:65536\n")};
    std::vector<uid_t> closed;
    std::optional<uint64_t> enter(uid_t uid) {
        return visitors.enter(uid, [this, uid] { closed.push_back(uid); });
    }
};

TEST_F(VisitorsTest, one_user_has_his_limit) {
    std::optional<uint64_t> last;
    for (int i = 0; i < 4; ++i)
        EXPECT_TRUE(last = enter(1000));
    EXPECT_FALSE(enter(1000));
    EXPECT_TRUE(enter(1001));
    visitors.leave(*last);
    EXPECT_TRUE(enter(1000));
    EXPECT_TRUE(closed.empty());
}

TEST_F(VisitorsTest, subordinate_uids_are_their_owners) {
    for (uid_t uid = 100000; uid < 100004; ++uid)
        EXPECT_TRUE(enter(uid));
    EXPECT_FALSE(enter(165535));
    EXPECT_TRUE(enter(165536)) << "another one's";
    EXPECT_TRUE(enter(231072)) << "nobody's";
}

TEST_F(VisitorsTest, who_has_most_makes_room_when_all_is_full) {
    for (uid_t uid : {1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4})
        EXPECT_TRUE(enter(uid));
    EXPECT_FALSE(enter(3)) << "he has enough";
    auto place = enter(5);
    EXPECT_TRUE(place);
    EXPECT_TRUE(enter(6));
    EXPECT_EQ(closed, (std::vector<uid_t>{2, 3})) << "the oldest of those who have four";
    EXPECT_FALSE(enter(1)) << "nobody has more than he";
    visitors.leave(*place);
    EXPECT_TRUE(enter(1));
}

TEST_F(VisitorsTest, many_with_one_each_do_not_keep_others_out) {
    for (uid_t uid = 500000; uid < 500012; ++uid)
        EXPECT_TRUE(enter(uid));
    EXPECT_TRUE(enter(1000));
    EXPECT_EQ(closed, std::vector<uid_t>{500000});
    visitors.leave(1); // what was closed leaves, too
    EXPECT_TRUE(enter(1001));
    EXPECT_EQ(closed.size(), 2u);
}

TEST_F(VisitorsTest, root_has_as_many_again) {
    for (uid_t uid = 1; uid <= 12; ++uid)
        EXPECT_TRUE(enter(uid));
    for (int i = 0; i < 12; ++i)
        EXPECT_TRUE(enter(0));
    EXPECT_FALSE(enter(0));
    EXPECT_TRUE(closed.empty());
}

TEST(SubordinateUids, lines_that_make_no_sense_are_left_out) {
    auto ranges =
        parse_subordinate_uids("# a comment\nann:100000:65536\nx:y:z\n:::\nbob:5\nroot:0:9\n");
    ASSERT_EQ(ranges.size(), 1u);
    EXPECT_EQ(ranges[0].first, 100000u);
    EXPECT_EQ(ranges[0].count, 65536u);
}

} // namespace
} // namespace rove::node
