// SPDX-License-Identifier: Apache-2.0
// Rounds: see rounds.hh.
#include "migrate/rounds.hh"

#include <algorithm>

namespace rove::migrate {

namespace {
constexpr Nanos for_the_rest = std::chrono::milliseconds(4); // of a freeze: what is no page
constexpr uint64_t little = 256 << 10; // takes less time than a look at all pages
constexpr uint64_t telling = 4 << 20;  // from that many on the time of a round tells the rate
constexpr int rounds_max = 40;
} // namespace

Rounds::Rounds(Nanos freeze) : for_pages_(std::max(freeze - for_the_rest, freeze / 4)) {}

Nanos Rounds::time_of(uint64_t bytes) const {
    return Nanos(static_cast<int64_t>(static_cast<double>(bytes) / bytes_per_ns_));
}

bool Rounds::worth(uint64_t bytes) const {
    return bytes > little && time_of(bytes) > for_pages_;
}

Rounds::Next Rounds::next(uint64_t bytes) {
    bool less = bytes < last_ / 10 * 7;
    last_ = bytes;
    if (bytes <= little || ++rounds_ > rounds_max) return Next::freeze;
    return less ? Next::send : Next::freeze;
}

void Rounds::gone(uint64_t bytes, Nanos took) {
    if (bytes < telling || took <= Nanos(0)) return;
    bytes_per_ns_ = static_cast<double>(bytes) / static_cast<double>(took.count());
}

} // namespace rove::migrate
