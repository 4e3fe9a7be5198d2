// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "node/cpu_features.hh"

namespace rove::node {
namespace {

TEST(CpuFeatures, comparison_takes_any_length) {
    EXPECT_TRUE(missing_features({}, {}).empty());
    EXPECT_TRUE(missing_features({1u << 28}, {1u << 28, 5}).empty());
    EXPECT_EQ(missing_features({1u << 28}, {}), std::vector<std::string>{"avx"});
    // Unnamed bits of known words are not compared, words that we do not know are.
    EXPECT_TRUE(missing_features({1u << 31}, {0}).empty());
    EXPECT_EQ(missing_features(CpuFeatures(20, 0), {}).size(), 0u);
    CpuFeatures newer(20, 0);
    newer[19] = 1;
    EXPECT_EQ(missing_features(newer, {}), std::vector<std::string>{"word 19"});
}
TEST(CpuFeatures, hidden_ones_are_missing) {
    auto all = cpu_features({}), less = cpu_features({"sse2", "no such"});
    EXPECT_EQ(missing_features(all, less), std::vector<std::string>{"sse2"});
    EXPECT_TRUE(missing_features(less, all).empty());
}

} // namespace
} // namespace rove::node
