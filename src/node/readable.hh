// SPDX-License-Identifier: Apache-2.0
// Readable: waiting for a descriptor that is somebody else's, mostly a pidfd: it can be read from
// when its process has ended.
#pragma once

#include <poll.h>

#include <boost/asio/posix/stream_descriptor.hpp>

#include "node/async.hh"
#include "sys/files.hh"

namespace rove::node {

// To be waited for by async_wait. A duplicate; fails if no descriptor is left.
inline Result<asio::posix::stream_descriptor> waitable(asio::io_context& io, int number) {
    Fd copy = TRY(sys::duplicate(number, 3));
    asio::posix::stream_descriptor ready(io);
    boost::system::error_code error;
    ready.assign(copy.number(), error);
    if (error) return fail(error.value(), "cannot wait for descriptor {}", number);
    (void)copy.release();
    return ready;
}

// A signal that comes just then makes the kernel say EINTR, though nobody waits: that is no answer.
inline bool is_readable(int number) {
    pollfd one{number, POLLIN, 0};
    return ::poll(&one, 1, 0) > 0;
}

} // namespace rove::node
