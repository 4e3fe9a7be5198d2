// SPDX-License-Identifier: Apache-2.0
// Round trip: what the kernel has measured on a connection.
#pragma once

#include "base/clock.hh"
#include "base/result.hh"

namespace rove::sys {

/// The shortest round trip of the last minutes, by the kernel's own filter. Unlike the smoothed one
/// it does not count what the other end waits before it acknowledges. An error if it has none yet.
Result<Nanos> shortest_round_trip(int fd);

} // namespace rove::sys
