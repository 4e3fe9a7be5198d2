// SPDX-License-Identifier: Apache-2.0
// Rights: descriptors that come with a message of a UNIX socket.
#pragma once

#include <cstdint>

namespace rove::rt {

constexpr uint32_t rights_max = 2;

/// One message of up to `size` bytes, with `wanted` descriptors (at most rights_max), which are
/// closed on exec; those that did not come are −1. Returns its size, 0 at the end of a stream, or
/// an errno, negative.
long receive_with_descriptors(int socket, void* to, uint64_t size, int* fds, uint32_t wanted);

} // namespace rove::rt
