// SPDX-License-Identifier: Apache-2.0
// Watching: how what is ready is named, in epoll and in Lines::Ready.
#pragma once

#include <cstdint>

namespace rove::post {

inline constexpr uint64_t of_home = 0;
inline constexpr uint64_t first_peer = 1;              // and on: of a peer's line
inline constexpr uint64_t of_next = uint64_t{1} << 40; // with it: the carrier that was offered

} // namespace rove::post
