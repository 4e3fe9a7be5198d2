// SPDX-License-Identifier: Apache-2.0
#include "migrate/file_locks.hh"

#include <gtest/gtest.h>
#include <sys/file.h>

namespace rove::migrate {
namespace {

constexpr std::string_view text = "1: FLOCK  ADVISORY  WRITE 1096 fe:00:10960897 0 EOF\n"
                                  "2: FLOCK  ADVISORY  READ  8367 00:46:2 0 EOF\n"
                                  "2: -> FLOCK  ADVISORY  WRITE 8368 00:46:2 0 EOF\n"
                                  "3: POSIX  ADVISORY  WRITE 8362 00:41:2 0 EOF\n"
                                  "4: LEASE  ACTIVE    READ  8362 00:41:22 0 EOF\n";

TEST(FileLocks, tells_whose_file_is_locked_and_how) {
    EXPECT_EQ(parse_locks(text, 0xfe, 0, 10960897).flock, LOCK_EX);
    EXPECT_FALSE(parse_locks(text, 0xfe, 0, 10960897).waiting);
    EXPECT_EQ(parse_locks(text, 0, 0x46, 2).flock, LOCK_SH);
    EXPECT_TRUE(parse_locks(text, 0, 0x46, 2).waiting);
    EXPECT_FALSE(parse_locks(text, 0, 0x46, 2).parts);
    EXPECT_TRUE(parse_locks(text, 0, 0x41, 2).parts);
    EXPECT_TRUE(parse_locks(text, 0, 0x41, 22).parts);
    auto none = parse_locks(text, 0, 0x41, 2222);
    EXPECT_TRUE(none.flock == 0 && !none.parts && !none.waiting);
}

TEST(FileLocks, whatever_it_reads_is_no_harm) {
    for (std::string_view odd : {"", "\n", "1:", "1: -> 00:41:2", "00:41:2 00:41:2", "   \n  \n"})
        EXPECT_EQ(parse_locks(odd, 0, 0x41, 2).flock, 0);
}

} // namespace
} // namespace rove::migrate
