// SPDX-License-Identifier: Apache-2.0
// Endpoints: addresses with ports, as text and back. The same ones come again and again, and are
// remembered: a daemon at rest does little else than to exchange datagrams with them.
#pragma once

#include <map>
#include <optional>
#include <string>

#include <boost/asio/ip/udp.hpp>

namespace rove::node {

class Endpoints {
public:
    using Endpoint = boost::asio::ip::udp::endpoint;

    /// "10.0.0.2:7946", "[fe80::1]:7946"; an IPv4 address that is mapped into IPv6 as itself. Valid
    /// until the next call.
    std::string const& text_of(Endpoint const& endpoint);
    /// None if it is no numeric address.
    std::optional<Endpoint> numeric(std::string const& text);

private:
    std::map<Endpoint, std::string> texts_;
    std::map<std::string, Endpoint> numbers_;
};

} // namespace rove::node
