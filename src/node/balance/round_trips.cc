// SPDX-License-Identifier: Apache-2.0
// RoundTrips: a minimum over the present five minutes and those before.
#include "node/balance/round_trips.hh"

#include <algorithm>

namespace rove::node {

namespace {
constexpr Nanos span = std::chrono::minutes(5);
// Beyond a second it is a network that holds packets back, not a distance.
constexpr Nanos longest = std::chrono::seconds(1);
} // namespace

void RoundTrips::saw(std::string const& node, Nanos round_trip, Nanos now) {
    round_trip = std::clamp(round_trip, Nanos(1000), longest);
    auto [found, first] = known_.try_emplace(node, Shortest{round_trip, round_trip, now});
    Shortest& known = found->second;
    if (now - known.since > span) {
        // What was seen before a long silence says nothing about now.
        known.before = now - known.since > 2 * span ? round_trip : known.now;
        known.now = round_trip;
        known.since = now;
    }
    known.now = std::min(known.now, round_trip);
}

float RoundTrips::seconds(std::string const& node) const {
    auto found = known_.find(node);
    if (found == known_.end()) return policy::first_round_trip_s;
    Nanos shortest = std::min(found->second.now, found->second.before);
    return std::chrono::duration<float>(shortest + waking).count();
}

} // namespace rove::node
