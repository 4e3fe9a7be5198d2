// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "node/pid_name.hh"

namespace rove::node {
namespace {

TEST(PidName, hostile_values_are_no_pid) {
    using boost::json::value;
    EXPECT_EQ(parse_pid(value(12)).pid, 12);
    EXPECT_EQ(parse_pid(value("12")).pid, 12);
    EXPECT_EQ(parse_pid(value("n1:12")).home, "n1");
    EXPECT_EQ(parse_pid(value("n1:12")).pid, 12);
    for (value const& wrong : {value(-1), value(0), value(1e9), value("x"), value("1:"),
             value("99999999999"), value(nullptr), value(true)})
        EXPECT_EQ(parse_pid(wrong).pid, 0) << wrong;
    EXPECT_EQ(parse_pid(pid_value("n1%3A12")).home, "n1");
    EXPECT_EQ(parse_pid(pid_value("%")).pid, 0);
}

} // namespace
} // namespace rove::node
