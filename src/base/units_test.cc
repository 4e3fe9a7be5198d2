// SPDX-License-Identifier: Apache-2.0
// Units: what is read and what is refused.
#include "base/units.hh"

#include <gtest/gtest.h>

namespace rove {
namespace {
using namespace std::chrono_literals;

TEST(Units, sizes) {
    EXPECT_EQ(parse_size("0").value(), 0u);
    EXPECT_EQ(parse_size("4096").value(), 4096u);
    EXPECT_EQ(parse_size("256M").value(), 256u << 20);
    EXPECT_EQ(parse_size("1.5G").value(), 3ull << 29);
    EXPECT_EQ(parse_size("64kB").value(), 65536u);
    EXPECT_EQ(parse_size("2GiB").value(), 2ull << 30);
    EXPECT_EQ(parse_size("12b").value(), 12u);
    for (char const* bad : {"", "M", "-1", "1X", "1..2", "nan", "99999999999P", "1 G G", "0x10"})
        EXPECT_FALSE(parse_size(bad)) << bad;
    EXPECT_EQ(print_size(0), "0B");
    EXPECT_EQ(print_size(1536ull << 20), "1.5G");
    EXPECT_EQ(print_size(256u << 20), "256M");
}
TEST(Units, rates) {
    EXPECT_EQ(parse_rate("10gbit").value(), 10000000000u);
    EXPECT_EQ(parse_rate("1.5Mbit").value(), 1500000u);
    EXPECT_EQ(parse_rate("0").value(), 0u);
    EXPECT_FALSE(parse_rate("10G"));
    EXPECT_EQ(print_rate(10000000000u), "10gbit");
}
TEST(Units, durations) {
    EXPECT_EQ(parse_duration("10ms").value(), 10ms);
    EXPECT_EQ(parse_duration("+3h").value(), 3h);
    EXPECT_EQ(parse_duration("-2m").value(), -2min);
    EXPECT_EQ(parse_duration("0").value(), 0ns);
    EXPECT_EQ(parse_duration("1.5s").value(), 1500ms);
    for (char const* bad : {"", "5", "+", "--1s", "1y", "1e3s", "400000000d"})
        EXPECT_FALSE(parse_duration(bad)) << bad;
    EXPECT_EQ(print_duration(1500ms), "1.5s");
    EXPECT_EQ(print_duration(-3h), "-3h");
    EXPECT_EQ(print_duration(850us), "850us");
}

} // namespace
} // namespace rove
