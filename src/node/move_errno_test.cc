// SPDX-License-Identifier: Apache-2.0
// What a program hears of a move that it has asked for.
#include "node/move_errno.hh"

#include <cerrno>

#include <gtest/gtest.h>

#include "node/node.hh"

namespace rove::node {
namespace {

TEST(MoveErrno, tells_never_from_not_now) {
    Moved done;
    done.ok = true;
    EXPECT_EQ(errno_of(done), 0);
    EXPECT_EQ(errno_of(Moved::failed(4, "it has ended")), ESRCH);
    EXPECT_EQ(errno_of(Moved::failed(1, "n2 takes no guests")), EBUSY);
    EXPECT_EQ(errno_of(Moved::failed(3, "it executed another program", "exec")), EBUSY);
    EXPECT_EQ(errno_of(Moved::failed(3, "it has an io_uring", "io_uring")), ENOTSUP);
    EXPECT_EQ(errno_of(Moved::failed(3, "it has a filter", "seccomp_filter")), ENOTSUP);
    EXPECT_EQ(errno_of(Moved::failed(3, "it may do more", "privileged")), EPERM);
    EXPECT_EQ(errno_of(Moved::failed(3, "move.root", "not_permitted")), EPERM);
    Moved silent = Moved::failed(1, "n2 does not answer");
    silent.unreachable = true;
    EXPECT_EQ(errno_of(silent), EHOSTUNREACH);
    Moved full = Moved::failed(1, "n2 has no room for it now");
    full.refusal = policy::Refusal::memory;
    EXPECT_EQ(errno_of(full), EBUSY);
}

} // namespace
} // namespace rove::node
