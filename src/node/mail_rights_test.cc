// SPDX-License-Identifier: Apache-2.0
// Who may send to whom.
#include "node/mail_rights.hh"

#include <gtest/gtest.h>
#include <unistd.h>

namespace rove::node {
namespace {

wire::MailSender user(uint32_t real, uint32_t effective, uint32_t saved, bool may_kill = false) {
    return {{}, real, effective, saved, may_kill};
}

TEST(MailRights, are_those_of_signals) {
    auto root = user(0, 0, 0, true), one = user(1, 1, 1), two = user(2, 2, 2);
    EXPECT_TRUE(may_send(one, one));
    EXPECT_FALSE(may_send(one, two));
    EXPECT_TRUE(may_send(root, one));
    EXPECT_FALSE(may_send(one, root));
    auto setuid = user(1, 0, 0); // a program of root's that user 1 runs
    EXPECT_TRUE(may_send(one, setuid));
    EXPECT_TRUE(may_send(setuid, one));
    EXPECT_FALSE(may_send(two, setuid));
    // The effective user of the receiver does not count.
    EXPECT_FALSE(may_send(two, user(1, 2, 1)));
    EXPECT_FALSE(may_send(user(0, 0, 0), one)); // root without the capability
}

TEST(MailRights, are_looked_up) {
    auto own = look_sender(::getpid());
    ASSERT_TRUE(own);
    EXPECT_EQ(own->real_uid, ::getuid());
    EXPECT_EQ(look_sender(0x3fffffff).error().code, ESRCH);
}

} // namespace
} // namespace rove::node
