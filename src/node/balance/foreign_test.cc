// SPDX-License-Identifier: Apache-2.0
// Tests of telling others' load from ours.
#include "node/balance/foreign.hh"

#include <gtest/gtest.h>

namespace rove::node {
namespace {

policy::Counted wants(double cores) {
    return {.passed_s = 2, .cpu_s = cores, .wanted_s = 2 * cores};
}

TEST(Foreign, what_ours_do_not_account_for_is_others) {
    Foreign foreign;
    EXPECT_NEAR(foreign.among(5, {{1, wants(1)}, {2, wants(1)}}, 0), 2.3, 1e-9);
    EXPECT_EQ(foreign.among(2.4, {{1, wants(1)}, {2, wants(1)}}, 0), 0);
}
TEST(Foreign, who_has_just_begun_is_ours) {
    Foreign foreign;
    EXPECT_EQ(foreign.among(3, {{1, wants(1)}}, 2), 0);
}
TEST(Foreign, who_has_ended_was_no_owner_of_the_node) {
    Foreign foreign;
    std::map<pid_t, policy::Counted> three{{1, wants(1)}, {2, wants(1)}, {3, wants(1)}};
    EXPECT_EQ(foreign.among(3, three, 0), 0);
    EXPECT_EQ(foreign.among(2.5, {{1, wants(1)}}, 0), 0);
    // Later they are not missed any more.
    EXPECT_NEAR(foreign.among(2.5, {{1, wants(1)}}, 0), 0.9, 1e-9);
}
TEST(Foreign, who_still_waits_for_its_turn_is_not_counted_yet) {
    Foreign foreign;
    EXPECT_EQ(foreign.among(2, {{1, wants(1)}, {2, wants(1)}}, 0), 0);
    EXPECT_EQ(foreign.among(2, {{1, wants(0.1)}, {2, wants(0)}}, 0), 0);
    // It was not that; somebody else wants them.
    EXPECT_NEAR(foreign.among(2, {{1, wants(0.1)}, {2, wants(0)}}, 0), 1.39, 1e-9);
}

} // namespace
} // namespace rove::node
