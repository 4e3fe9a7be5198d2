// SPDX-License-Identifier: Apache-2.0
// A socket of packets on which processes of this machine call.
#pragma once

#include <functional>
#include <string>

#include <sys/socket.h>

#include "base/fd.hh"
#include "base/result.hh"
#include "node/async.hh"

namespace rove::node {

// `called` gets each connection, non-blocking, and who made it; those whose maker the kernel does
// not know are closed. Goes on as long as `io` runs.
Status listen_locally(asio::io_context& io, std::string const& path, mode_t mode,
    std::function<void(Fd, ucred const&)> called);

} // namespace rove::node
