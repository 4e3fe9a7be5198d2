// SPDX-License-Identifier: Apache-2.0
#include "sys/sparse.hh"

#include <gtest/gtest.h>
#include <unistd.h>

#include "sys/files.hh"

namespace rove::sys {
namespace {

TEST(Sparse, what_is_written_far_apart_is_found_and_emptied) {
    auto memory = memfd("sparse");
    ASSERT_TRUE(memory);
    int fd = memory->number();
    ASSERT_EQ(ftruncate(fd, 1 << 20), 0);
    EXPECT_EQ(read_data(fd, 0, 4096)->bytes, "");

    ASSERT_TRUE(write_at(fd, as_bytes(std::string(8192, 'a')), 64 << 10));
    ASSERT_TRUE(write_at(fd, as_bytes(std::string("b")), 512 << 10));
    auto first = read_data(fd, 0, 4096), rest = read_data(fd, (64 << 10) + 4096, 1 << 20);
    ASSERT_TRUE(first && rest);
    EXPECT_EQ(first->offset, 64u << 10);
    EXPECT_EQ(first->bytes, std::string(4096, 'a'));
    EXPECT_EQ(rest->bytes.substr(0, 4096), std::string(4096, 'a'));
    auto other = read_data(fd, 256 << 10, 1 << 20);
    ASSERT_TRUE(other);
    EXPECT_EQ(other->bytes[(512 << 10) - other->offset], 'b');

    ASSERT_TRUE(empty_file(fd));
    EXPECT_EQ(read_data(fd, 0, 4096)->bytes, "");
    EXPECT_EQ(fstat(fd)->st_size, 1 << 20);
}

} // namespace
} // namespace rove::sys
