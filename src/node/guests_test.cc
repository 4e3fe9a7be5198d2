// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "node/guests.hh"
#include "wire/session.hh"

namespace rove::node {
namespace {

struct Offers : testing::Test {
    Offers() {
        offer.identity.home = "n1";
        offer.user = "ann";
        offer.memory_bytes = 100;
        offer.session_version = wire::session_version;
        offer.cpu_features = own;
    }
    wire::Refuse judge(uint64_t guests = 0, uint64_t used = 0, uint64_t free = 1000) {
        return judge_offer(offer, grants, guests, used, free, {own, {}}, "n2");
    }
    CpuFeatures own = {1u << 28, 0, 1u << 5}; // avx, avx2
    Grants grants{2, 0, {"*"}, {"*"}, false};
    wire::Offer offer;
};

TEST_F(Offers, fit_is_accepted) {
    EXPECT_EQ(judge().text, "");
}
TEST_F(Offers, a_blocked_node_says_so) {
    grants.blocked = true;
    EXPECT_NE(judge().text.find("unblock"), std::string::npos);
}
TEST_F(Offers, a_full_node_says_so) {
    EXPECT_EQ(judge(1).text, "");
    EXPECT_NE(judge(2).text.find("full"), std::string::npos);
}
TEST_F(Offers, memory_is_counted) {
    EXPECT_NE(judge(0, 0, 99).text, "");
    grants.memory = 150;
    EXPECT_EQ(judge(1, 50).text, "");
    EXPECT_NE(judge(1, 51).text, "");
}
TEST_F(Offers, homes_and_users_are_checked) {
    grants.homes = {"n3"};
    EXPECT_NE(judge().text.find("guests.homes"), std::string::npos);
    grants.homes = {"n3", "n1"};
    grants.users = {"bob"};
    EXPECT_NE(judge().text.find("guests.users"), std::string::npos);
}
TEST_F(Offers, another_version_is_refused) {
    offer.session_version = wire::session_version + 1;
    EXPECT_NE(judge().text.find("version"), std::string::npos);
}
TEST_F(Offers, the_cpu_is_judged) {
    offer.cpu_features = {1u << 28, 0, 1u << 5 | 1u << 16};
    EXPECT_EQ(judge().reason, "cpu_features");
    EXPECT_NE(judge().text.find("avx512f"), std::string::npos);
}

} // namespace
} // namespace rove::node
