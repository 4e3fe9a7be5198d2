// SPDX-License-Identifier: Apache-2.0
#include "migrate/rounds.hh"

#include <gtest/gtest.h>

namespace rove::migrate {
namespace {

using std::chrono::milliseconds;

Rounds of(Nanos freeze) {
    return Rounds(freeze, Rounds::Brakes::no);
}

// A program that writes at `rate` bytes per ns into `size` bytes, over a line of `line` bytes per
// ns; what is left for the freeze.
uint64_t left_for_the_freeze(double rate, double line, uint64_t size, Nanos freeze, int& brake) {
    Rounds rounds(freeze, Rounds::Brakes::yes);
    uint64_t bytes = size;
    while (rounds.next(bytes) == Rounds::Next::send) {
        double took = static_cast<double>(bytes) / line;
        rounds.gone(bytes, Nanos(static_cast<int64_t>(took)));
        took += 1e6;
        double wrote = rate * took / static_cast<double>(1 << rounds.brake());
        bytes = std::min(size, static_cast<uint64_t>(wrote));
    }
    brake = rounds.brake();
    return bytes;
}

TEST(Rounds, one_that_sleeps_needs_one_round) {
    int brake = 0;
    EXPECT_EQ(left_for_the_freeze(0, 2, 1ull << 30, milliseconds(10), brake), 0u);
    EXPECT_EQ(brake, 0);
}

TEST(Rounds, a_slow_writer_leaves_next_to_nothing) {
    int brake = 0;
    EXPECT_LE(left_for_the_freeze(0.1, 2, 1ull << 30, milliseconds(10), brake), 256u << 10);
    EXPECT_EQ(brake, 0);
}

TEST(Rounds, one_that_writes_faster_than_pages_go_is_held_up_until_they_do) {
    int brake = 0;
    uint64_t left = left_for_the_freeze(3, 1, 1ull << 30, milliseconds(10), brake);
    EXPECT_LE(left, 6u << 20); // 6 ms at that rate
    EXPECT_GT(brake, 0);
}

TEST(Rounds, one_that_cannot_be_held_up_is_stopped_when_rounds_bring_nothing) {
    Rounds rounds = of(milliseconds(10));
    EXPECT_EQ(rounds.next(1 << 30), Rounds::Next::send);
    EXPECT_EQ(rounds.next(1 << 29), Rounds::Next::send);
    EXPECT_EQ(rounds.next(1 << 29), Rounds::Next::freeze);
}

TEST(Rounds, of_little_memory_no_round_is_worth_it) {
    EXPECT_FALSE(of(milliseconds(10)).worth(8 << 20));
    EXPECT_TRUE(of(milliseconds(10)).worth(16 << 20));
    EXPECT_TRUE(of(milliseconds(1)).worth(1 << 20));
    EXPECT_FALSE(of(milliseconds(1)).worth(200 << 10));
}

} // namespace
} // namespace rove::migrate
