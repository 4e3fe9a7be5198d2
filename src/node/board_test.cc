// SPDX-License-Identifier: Apache-2.0
// Tests of the order of names on the board.
#include "node/board.hh"

#include <algorithm>

#include <gtest/gtest.h>

namespace rove::node {
namespace {

TEST(Board, numbers_in_names_count_as_numbers) {
    std::vector<std::string> names{"n10", "n3", "n1", "a", "n03", "n2b", "n2"};
    std::sort(names.begin(), names.end(), NaturalLess{});
    EXPECT_EQ(names, (std::vector<std::string>{"a", "n1", "n2", "n2b", "n03", "n3", "n10"}));
}

} // namespace
} // namespace rove::node
