// SPDX-License-Identifier: Apache-2.0
// Verdicts: who performs a call, where its arguments decide that.
#include "abi/x86_64/numbers.hh"
#include "syscalls/testing/compare.hh"

#include <linux/fs.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

namespace rove::syscalls {
namespace {

using namespace rove::abi;
using namespace rove::syscalls::testing;

TEST(Verdicts, of_unknown_requests) {
    EXPECT_EQ(verdict_of(nr_ioctl, {0, 0x1234}), Verdict::comes_home);
    EXPECT_EQ(
        verdict_of(nr_ioctl, {0, _IOWR('d', 0x42, int[16])}), Verdict::comes_home); // graphics
    EXPECT_EQ(verdict_of(nr_ioctl, {0, _IO(0xae, 0)}), Verdict::comes_home); // virtual machines
    EXPECT_EQ(
        verdict_of(nr_ioctl, {0, _IO(0x12, 105)}), Verdict::comes_home); // BLKPG holds a pointer
}

TEST(Verdicts, of_calls_that_are_not_forwarded) {
    EXPECT_EQ(verdict_of(nr_mmap, {0, 4096, 3, MAP_PRIVATE | MAP_ANONYMOUS}), Verdict::local);
    EXPECT_EQ(verdict_of(nr_mmap, {0, 4096, 1, MAP_PRIVATE}), Verdict::special);
    EXPECT_EQ(verdict_of(nr_mmap, {0, 4096, 1, MAP_SHARED}), Verdict::special);
    EXPECT_EQ(verdict_of(nr_mmap, {0, 4096, 3, MAP_SHARED}), Verdict::comes_home);
    EXPECT_EQ(verdict_of(nr_mmap, {0, 4096, 3, MAP_SHARED | MAP_ANONYMOUS}), Verdict::comes_home);
    EXPECT_EQ(verdict_of(nr_clone, {0x3d0f00}), Verdict::special);
    EXPECT_EQ(verdict_of(nr_clone, {0x1200011}), Verdict::special);
    EXPECT_EQ(verdict_of(nr_clone, {CLONE_VM | CLONE_VFORK | SIGCHLD}), Verdict::special);
    EXPECT_EQ(verdict_of(nr_clone, {CLONE_VM | SIGCHLD}), Verdict::comes_home);
    EXPECT_EQ(verdict_of(nr_clone, {CLONE_NEWNET | SIGCHLD}), Verdict::comes_home);
    EXPECT_EQ(verdict_of(nr_fork, {}), Verdict::special);
    EXPECT_EQ(verdict_of(nr_io_uring_setup, {}), Verdict::comes_home);
    EXPECT_EQ(verdict_of(nr_uselib, {}), Verdict::absent);
    EXPECT_EQ(verdict_of(400, {}), Verdict::comes_home);
    EXPECT_EQ(verdict_of(511, {}), Verdict::comes_home);
    EXPECT_EQ(verdict_of(1000000, {}), Verdict::comes_home);
    EXPECT_EQ(verdict_of(~0ul, {}), Verdict::comes_home);
    EXPECT_EQ(verdict_of(nr_clock_gettime, {0}), Verdict::local);
    EXPECT_EQ(verdict_of(nr_clock_gettime, {2}), Verdict::special);
    EXPECT_EQ(verdict_of(nr_setitimer, {1}), Verdict::comes_home);
    EXPECT_EQ(verdict_of(nr_getpid, {}), Verdict::local);
}

} // namespace
} // namespace rove::syscalls
