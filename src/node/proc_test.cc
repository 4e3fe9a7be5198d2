// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "node/proc.hh"

namespace rove::node {
namespace {

TEST(ProcTexts, names_may_hold_anything) {
    auto stat = parse_proc_stat(
        "7 (a) R 9 (b)) S 1 7 7 0 -1 4194560 1 2 3 4 50 6 7 8 20 0 1 0 12345 1000 77 0");
    ASSERT_TRUE(stat) << stat.error().sentence();
    EXPECT_EQ(stat->state, 'S');
    EXPECT_EQ(stat->parent, 1);
    EXPECT_EQ(stat->cpu_ticks, 56u);
    EXPECT_EQ(stat->start_time, 12345u);
    EXPECT_EQ(stat->resident_pages, 77u);
    EXPECT_FALSE(parse_proc_stat(""));
    EXPECT_FALSE(parse_proc_stat("7 (a) S 1 2"));
}
TEST(ProcTexts, status_needs_all_identities) {
    auto status = parse_proc_status("Name:\tx\nUid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\nGroups:\t9 10 "
                                    "\nCapPrm:\t000001ffffffffff\nTracerPid:\t3\nNSpid:\t70\t5\n");
    ASSERT_TRUE(status) << status.error().sentence();
    EXPECT_EQ(status->credentials.uids[2], 3u);
    EXPECT_EQ(status->groups.size(), 2u);
    EXPECT_EQ(status->credentials.capabilities, 0x1ffffffffffu);
    EXPECT_EQ(status->tracer, 3);
    EXPECT_EQ(status->inner_pid, 5);
    EXPECT_FALSE(parse_proc_status("Uid:\t1\t2\t3\n"));
    EXPECT_FALSE(parse_proc_status("Uid:\t1\t2\t3\t4\n"));
}

} // namespace
} // namespace rove::node
