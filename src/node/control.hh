// SPDX-License-Identifier: Apache-2.0
// Control: the control API's socket, HTTP/1.1 with JSON. Boost.Beast is seen by control.cc alone.
//
// Everybody may connect; who it is says the socket (caller.hh), what he may, the verbs.
#pragma once

#include <string>

#include "base/result.hh"
#include "node/node.hh"

namespace rove::node {

Status serve_control(asio::io_context& io, std::string const& path, Node& node);

} // namespace rove::node
