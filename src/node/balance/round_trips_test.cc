// SPDX-License-Identifier: Apache-2.0
#include "node/balance/round_trips.hh"

#include <gtest/gtest.h>

namespace rove::node {
namespace {

using std::chrono::microseconds, std::chrono::minutes, std::chrono::seconds;

struct RoundTripsTest : testing::Test {
    RoundTrips known;
    Nanos now = seconds(1000);
    void saw(Nanos round_trip) { known.saw("n2", round_trip, now); }
    void expect(double us) {
        EXPECT_NEAR(known.seconds("n2") - std::chrono::duration<double>(RoundTrips::waking).count(),
            us / 1e6, 1e-9);
    }
};

TEST_F(RoundTripsTest, what_was_never_measured_is_guessed) {
    EXPECT_EQ(known.seconds("n2"), policy::first_round_trip_s);
}
TEST_F(RoundTripsTest, the_shortest_counts_whenever_it_came) {
    for (int us : {900, 40, 3000, 70})
        saw(microseconds(us));
    expect(40);
    EXPECT_EQ(known.seconds("n3"), policy::first_round_trip_s);
}
TEST_F(RoundTripsTest, a_way_that_has_become_longer_is_believed_in_the_end) {
    saw(microseconds(40));
    for (int minute = 0; minute < 4; ++minute, now += minutes(1))
        saw(microseconds(500));
    expect(40);
    for (int minute = 0; minute < 10; ++minute, now += minutes(1))
        saw(microseconds(500));
    expect(500);
}
TEST_F(RoundTripsTest, after_a_long_silence_only_the_news_count) {
    saw(microseconds(40));
    now += minutes(60);
    expect(40);
    saw(microseconds(300));
    expect(300);
}
TEST_F(RoundTripsTest, nonsense_is_bounded) {
    saw(Nanos(0));
    expect(1);
    known.saw("n3", std::chrono::hours(1), now);
    EXPECT_NEAR(known.seconds("n3"), 1, 1e-4);
}

} // namespace
} // namespace rove::node
