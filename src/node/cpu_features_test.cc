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
TEST(CpuFeatures, each_level_has_those_before_it) {
    constexpr size_t sizes[] = {7, 14, 23, 31};
    CpuFeatures before;
    for (auto level : {CpuLevel::v1, CpuLevel::v2, CpuLevel::v3, CpuLevel::v4}) {
        auto features = features_of(level);
        EXPECT_EQ(missing_features(features, {}).size(), sizes[static_cast<size_t>(level) - 1]);
        EXPECT_TRUE(missing_features(before, features).empty());
        before = features;
    }
    EXPECT_EQ(missing_features(registers_of(features_of(CpuLevel::v3)), {}),
        std::vector<std::string>{"avx registers"});
    EXPECT_TRUE(missing_features(features_of(CpuLevel::v1), cpu_features({})).empty());
}
TEST(CpuFeatures, hidden_ones_are_missing) {
    auto all = cpu_features({}), less = cpu_features({"sse2", "no such"});
    EXPECT_EQ(missing_features(all, less), std::vector<std::string>{"sse2"});
    EXPECT_TRUE(missing_features(less, all).empty());
}

} // namespace
} // namespace rove::node
