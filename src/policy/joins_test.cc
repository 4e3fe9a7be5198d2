// SPDX-License-Identifier: Apache-2.0
// Tests of partners that are drawn to each other.
#include "policy/joins.hh"

#include <gtest/gtest.h>

namespace rove::policy {
namespace {

TEST(Joins, two_that_set_out_at_once_are_both_refused) {
    Joins one, other;
    one.leaves(7, 2);
    other.leaves(8, 1);
    EXPECT_FALSE(one.may_come(2));
    EXPECT_FALSE(other.may_come(1));
    EXPECT_TRUE(one.may_come(3));
    one.settled(7);
    EXPECT_TRUE(one.may_come(2));
}
TEST(Joins, nobody_follows_one_that_comes_back_to_where_it_was) {
    Joins joins;
    EXPECT_TRUE(joins.may_go(2, 100));
    joins.comes(2, 100);
    EXPECT_FALSE(joins.may_go(2, 101));
    EXPECT_TRUE(joins.may_go(3, 101));
    EXPECT_TRUE(joins.may_go(2, 106));
}

} // namespace
} // namespace rove::policy
