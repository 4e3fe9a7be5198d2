// SPDX-License-Identifier: Apache-2.0
#include "migrate/number_block.hh"

#include <gtest/gtest.h>

namespace rove::migrate {
namespace {

TEST(NumberBlock, HighButInAModestTable) {
    auto block = number_block(2, 1, 1 << 20);
    ASSERT_TRUE(block);
    EXPECT_EQ(block->last, 32767);
    EXPECT_GE(block->last - block->first + 1, 1024) << "a link for every thread there may be";
}

TEST(NumberBlock, EndsAtTheHardLimit) {
    auto block = number_block(10, 1, 20000);
    ASSERT_TRUE(block);
    EXPECT_EQ(block->last, 19999);
    EXPECT_GT(block->first, 15000);
}

TEST(NumberBlock, AboveWhatTheProgramHas) {
    auto block = number_block(60000, 1, 1 << 20);
    ASSERT_TRUE(block);
    EXPECT_GT(block->first, 60000 + 500);
}

TEST(NumberBlock, LeavesMostOfFewNumbersToTheProgram) {
    auto block = number_block(10, 4, 1024);
    ASSERT_TRUE(block);
    EXPECT_EQ(block->last, 1023);
    EXPECT_GT(block->first, 700);
    block = number_block(1000, 2, 1024);
    ASSERT_TRUE(block);
    EXPECT_EQ(block->first, 1001);
}

TEST(NumberBlock, NoneLeft) {
    EXPECT_FALSE(number_block(1020, 1, 1024));
    EXPECT_FALSE(number_block(2, 1, 3));
}

} // namespace
} // namespace rove::migrate
