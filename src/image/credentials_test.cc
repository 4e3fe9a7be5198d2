// SPDX-License-Identifier: Apache-2.0
// Tests of who may have a process moved.
#include <gtest/gtest.h>

#include "image/credentials.hh"

namespace rove::image {
namespace {

TEST(Credentials, are_read) {
    auto read = parse_credentials(
        "Name:\tx\nUid:\t7\t0\t0\t0\nGid:\t8\t8\t9\t9\nCapPrm:\t00000000000000ff\n");
    ASSERT_TRUE(read) << read.error().sentence();
    EXPECT_EQ(read->uids[0], 7u);
    EXPECT_EQ(read->gids[2], 9u);
    EXPECT_EQ(read->capabilities, 0xffu);
    EXPECT_FALSE(parse_credentials("Uid:\t7\t7\t7\nGid:\t8\t8\t8\t8\nCapPrm:\t0\n"));
    EXPECT_FALSE(parse_credentials("Uid:\t7\t7\t7\t7\nCapPrm:\t0\n"));
}

TEST(Credentials, nobody_moves_what_may_more_than_himself) {
    Credentials own{{7, 7, 7, 7}, {8, 8, 8, 8}, 0};
    EXPECT_EQ(objection(own, 7, true).word, "");
    EXPECT_EQ(objection(own, 7, false).word, "");
    EXPECT_EQ(objection(own, 0, false).word, "");
    EXPECT_EQ(objection(own, 6, true).word, "privileged");
    Credentials setuid = own, saved = own, setgid = own, capable = own;
    setuid.uids[1] = 0;
    saved.uids[2] = 9;
    setgid.gids[1] = 0;
    capable.capabilities = 1;
    for (Credentials const& more : {setuid, saved, setgid, capable}) {
        EXPECT_EQ(objection(more, 7, true).word, "privileged");
        EXPECT_EQ(objection(more, 0, true).word, "");
    }
    EXPECT_EQ(objection(setuid, 0, false).word, "not_permitted");
    EXPECT_EQ(objection(saved, 0, false).word, "");
}

} // namespace
} // namespace rove::image
