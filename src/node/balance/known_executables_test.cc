// SPDX-License-Identifier: Apache-2.0
#include "node/balance/known_executables.hh"

#include <gtest/gtest.h>

namespace rove::node {
namespace {

TEST(KnownExecutables, come_back_as_they_were) {
    policy::Experience before;
    before.learn("/usr/bin/a program", {.cpu_s = 0.5});
    before.learn("/usr/bin/cc1", {.cpu_s = 1.25, .demand = 0.75, .calls = 300});
    before.learn("/usr/bin/cc1", {.cpu_s = 1.25});
    before.learn("two\nlines", {.cpu_s = 1});
    policy::Experience after;
    recall_known_executables(after, known_executables_text(before));
    EXPECT_EQ(after.all().size(), 2u);
    EXPECT_EQ(after.all().front().first, "/usr/bin/cc1");
    auto cc1 = after.expect("/usr/bin/cc1", 2);
    ASSERT_TRUE(cc1);
    EXPECT_NEAR(cc1->cpu_s, 1.25, 1e-6);
    EXPECT_NEAR(cc1->demand, 0.75, 1e-6);
    EXPECT_NEAR(cc1->calls, 300, 1e-6);
    auto other = after.expect("/usr/bin/a program", 1);
    ASSERT_TRUE(other);
    EXPECT_FALSE(other->calls_known);
}
TEST(KnownExecutables, lines_that_make_no_sense_are_left_out) {
    policy::Experience experience;
    recall_known_executables(experience, "\n1 2 3\nx 1 1 1 /a\n1 1 z 1 /b\n1 -1 1 1 /c\n1 nan 1 1 "
                                         "/d\n- 1 1 1 /e\n1 1 1 1 \n3 1 - - /f");
    ASSERT_EQ(experience.all().size(), 1u);
    EXPECT_EQ(experience.all().front().first, "/f");
}

} // namespace
} // namespace rove::node
