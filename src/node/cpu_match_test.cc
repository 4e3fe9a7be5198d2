// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "node/cpu_match.hh"

namespace rove::node {
namespace {

CpuFeatures both(CpuFeatures one, CpuFeatures const& other) {
    for (size_t i = 0; i < one.size(); ++i)
        one[i] |= other[i];
    return one;
}

struct Match : testing::Test {
    Match() { offer.cpu_features = newer; }
    std::string judge() {
        auto refuse = judge_cpu(offer, own, "n2");
        EXPECT_EQ(refuse.reason, refuse.text.empty() ? "" : "cpu_features");
        return refuse.text;
    }
    void promise(CpuLevel level) { offer.needed_features = features_of(level); }

    CpuFeatures newer = features_of(CpuLevel::v4), older = features_of(CpuLevel::v2);
    CpuFeatures aes = {1u << 25};
    Cpu own{older, {}};
    wire::Offer offer;
};

TEST_F(Match, without_a_promise_all_of_home_is_needed) {
    EXPECT_NE(judge().find("avx512f"), std::string::npos);
    EXPECT_NE(judge().find("--cpu-baseline"), std::string::npos);
    own.features = newer;
    EXPECT_EQ(judge(), "");
}
TEST_F(Match, a_promise_is_all_that_is_needed) {
    promise(CpuLevel::v1);
    EXPECT_EQ(judge(), "");
    promise(CpuLevel::v2);
    EXPECT_EQ(judge(), "");
    promise(CpuLevel::v3);
    EXPECT_NE(judge().find("avx2"), std::string::npos);
    EXPECT_NE(judge().find("avx registers"), std::string::npos);
    own.features = newer;
    promise(CpuLevel::v4);
    EXPECT_EQ(judge(), "");
}
TEST_F(Match, more_than_home_has_is_refused) {
    own.features = both(newer, {aes[0], 0, 0, 0, 0, 0, 0, 0, 0, 0});
    EXPECT_NE(judge().find("aes"), std::string::npos);
    promise(CpuLevel::v2);
    EXPECT_EQ(judge(), "");
}
TEST_F(Match, registers_that_home_lacks_are_refused_whatever_is_promised) {
    offer.cpu_features = features_of(CpuLevel::v3);
    own.features = newer;
    promise(CpuLevel::v2);
    EXPECT_NE(judge().find("avx512 registers"), std::string::npos);
    EXPECT_EQ(judge().find("avx512f"), std::string::npos);
}
TEST_F(Match, registers_in_other_places_are_refused) {
    own = {newer, {0, 0, 576, 0, 0, 1088}};
    offer.state_offsets = {0, 0, 576, 0, 0, 832, 896};
    EXPECT_NE(judge(), "");
    offer.state_offsets[5] = 1088;
    EXPECT_EQ(judge(), "");
    offer.state_offsets = {0, 0, 576}; // home lacks them
    EXPECT_EQ(judge(), "");
}

} // namespace
} // namespace rove::node
