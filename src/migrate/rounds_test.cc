// SPDX-License-Identifier: Apache-2.0
#include "migrate/rounds.hh"

#include <gtest/gtest.h>

namespace rove::migrate {
namespace {

using std::chrono::milliseconds;

constexpr Nanos freeze = milliseconds(10);
constexpr uint64_t size = 1ull << 30;

struct Left {
    uint64_t bytes; // for the freeze
    int rounds;
};

// A program that writes at `rate` bytes per ns into 1 GB, over a line of `line` bytes per ns.
Left left_for_the_freeze(double rate, double line) {
    Rounds rounds(freeze);
    Left left{size, 0};
    for (; rounds.next(left.bytes) == Rounds::Next::send; ++left.rounds) {
        double took = static_cast<double>(left.bytes) / line;
        rounds.gone(left.bytes, Nanos(static_cast<int64_t>(took)));
        left.bytes = std::min(size, static_cast<uint64_t>(rate * (took + 1e6)));
    }
    return left;
}

TEST(Rounds, one_that_sleeps_needs_one_round) {
    auto left = left_for_the_freeze(0, 2);
    EXPECT_EQ(left.bytes, 0u);
    EXPECT_EQ(left.rounds, 1);
}

TEST(Rounds, a_slow_writer_leaves_next_to_nothing) {
    EXPECT_LE(left_for_the_freeze(0.1, 2).bytes, 256u << 10);
}

TEST(Rounds, one_that_writes_faster_than_pages_go_is_stopped_when_rounds_bring_nothing) {
    EXPECT_LE(left_for_the_freeze(3, 1).rounds, 1);
    Rounds rounds(freeze);
    EXPECT_EQ(rounds.next(1 << 30), Rounds::Next::send);
    EXPECT_EQ(rounds.next(1 << 29), Rounds::Next::send);
    EXPECT_EQ(rounds.next(1 << 29), Rounds::Next::freeze);
}

TEST(Rounds, of_little_memory_no_round_is_worth_it) {
    EXPECT_FALSE(Rounds(freeze).worth(8 << 20));
    EXPECT_TRUE(Rounds(freeze).worth(16 << 20));
    EXPECT_TRUE(Rounds(milliseconds(1)).worth(1 << 20));
    EXPECT_FALSE(Rounds(milliseconds(1)).worth(200 << 10));
}

} // namespace
} // namespace rove::migrate
