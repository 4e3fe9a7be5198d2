// SPDX-License-Identifier: Apache-2.0
// Peer name: what the node at an address calls itself, asked of its daemon with the cluster's key.
#pragma once

#include <string>

#include "base/result.hh"

namespace rove::client {

// `address` is numeric, with a port: "10.0.0.1:7946", "[fe80::1]:7946".
Result<std::string> peer_name(std::string const& address, std::string const& key);

} // namespace rove::client
