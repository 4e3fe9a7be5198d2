// SPDX-License-Identifier: Apache-2.0
// Units: sizes, rates and durations as people write them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.hh"
#include "base/result.hh"

namespace rove {

// "0", "4096", "256M", "1.5G": bytes, with powers of 1024; B, iB and lower case are accepted, too.
Result<uint64_t> parse_size(std::string_view text);
// "1.5G", "256M", "17B": at most one digit after the point.
std::string print_size(uint64_t bytes);

// "10gbit", "1.5mbit", "9600bit", "0": bits per second, with powers of 1000.
Result<uint64_t> parse_rate(std::string_view text);
std::string print_rate(uint64_t bits_per_second);

// "10ms", "1.5s", "+3h", "-2m", "5us", "7ns", "1d". A unit is needed unless the number is 0.
Result<Nanos> parse_duration(std::string_view text);
// "3h", "1.5s", "12.3ms", "850us": at most one digit after the point.
std::string print_duration(Nanos time);

} // namespace rove
