// SPDX-License-Identifier: Apache-2.0
#include <map>

#include <gtest/gtest.h>

#include "node/storm_timing.hh"

namespace rove::node {
namespace {

TEST(Storm, pauses_are_bounded_and_repeatable) {
    std::mt19937_64 one(7), two(7);
    for (int i = 0; i < 1000; ++i) {
        Nanos pause = storm_pause(50, Nanos(1000), one);
        EXPECT_EQ(pause, storm_pause(50, Nanos(1000), two));
        EXPECT_GE(pause, Nanos(1000));
        EXPECT_LE(pause, std::chrono::milliseconds(100));
    }
    // At most half of the time is spent moving.
    EXPECT_EQ(storm_pause(1, std::chrono::seconds(1), one), std::chrono::seconds(1));
}
TEST(Storm, a_seed_repeats_it_for_each_process) {
    EXPECT_EQ(storm_random(7, 1, 3)(), storm_random(7, 1, 3)());
    EXPECT_NE(storm_random(7, 1, 3)(), storm_random(7, 2, 3)());
    EXPECT_NE(storm_random(7, 1, 3)(), storm_random(7, 1, 4)());
    EXPECT_NE(storm_random(7, 1, 3)(), storm_random(uint64_t(7) << 32, 1, 3)());
    // A node that is not seen for a moment changes nothing unless it was chosen.
    for (uint64_t step = 0; step < 100; ++step) {
        auto all = storm_random(1, 1, step), fewer = all;
        std::string to = storm_target({"n1", "n2", "n3", "n4"}, "n1", all);
        if (to != "n4") {
            EXPECT_EQ(storm_target({"n3", "n2", "n1"}, "n1", fewer), to);
        }
    }
    std::map<std::string, int> times;
    for (uint64_t step = 0; step < 3000; ++step) {
        auto random = storm_random(1, 1, step);
        ++times[storm_target({"n1", "n2", "n3"}, "n2", random)];
    }
    EXPECT_GT(times["n1"], 1200);
    EXPECT_GT(times["n3"], 1200);
}
TEST(Storm, goes_elsewhere) {
    std::mt19937_64 random(1);
    for (int i = 0; i < 100; ++i)
        EXPECT_NE(storm_target({"n1", "n2", "n3"}, "n2", random), "n2");
    EXPECT_EQ(storm_target({"n1"}, "n1", random), "");
}

} // namespace
} // namespace rove::node
