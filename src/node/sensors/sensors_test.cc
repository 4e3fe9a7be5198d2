// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "node/sensors/load.hh"
#include "node/sensors/memory.hh"

namespace rove::node {
namespace {

TEST(Sensors, meminfo_is_read) {
    auto memory = parse_meminfo("MemTotal:       16 kB\nMemFree: 1 kB\nMemAvailable:   8 kB\n");
    ASSERT_TRUE(memory);
    EXPECT_EQ(memory->total, 16384u);
    EXPECT_EQ(memory->free, 8192u);
    EXPECT_FALSE(parse_meminfo("MemTotal: x kB"));
}
TEST(Sensors, states_are_read_behind_any_name) {
    EXPECT_EQ(stat_state("7 (x) R 1"), 'R');
    EXPECT_EQ(stat_state("7 (x"), '?');
}
TEST(Sensors, load_rises_faster_than_it_falls) {
    Smoothed up, down;
    down.add(1, Nanos(0));
    up.add(0, Nanos(0));
    up.add(1, std::chrono::seconds(1));
    down.add(0, std::chrono::seconds(1));
    EXPECT_GT(up.value(), 1 - down.value());
}

} // namespace
} // namespace rove::node
