// SPDX-License-Identifier: Apache-2.0
// Endpoints: both directions.
#include "node/endpoints.hh"

#include "node/host_port.hh"

namespace rove::node {

namespace {

namespace ip = boost::asio::ip;

// More than the nodes of a cluster; strangers may have any number of them.
constexpr size_t kept_max = 4096;

std::string format(Endpoints::Endpoint const& endpoint) {
    auto address = endpoint.address();
    if (address.is_v6() && address.to_v6().is_v4_mapped())
        address = ip::make_address_v4(ip::v4_mapped, address.to_v6());
    std::string host = address.to_string();
    return (address.is_v6() ? "[" + host + "]" : host) + ":" + std::to_string(endpoint.port());
}

} // namespace

std::string const& Endpoints::text_of(Endpoint const& endpoint) {
    auto known = texts_.find(endpoint);
    if (known != texts_.end()) return known->second;
    if (texts_.size() >= kept_max) texts_.clear();
    return texts_.emplace(endpoint, format(endpoint)).first->second;
}

std::optional<Endpoints::Endpoint> Endpoints::numeric(std::string const& text) {
    auto known = numbers_.find(text);
    if (known != numbers_.end()) return known->second;
    auto at = split_address(text);
    if (!at) return std::nullopt;
    boost::system::error_code error;
    auto address = ip::make_address(at->host, error);
    if (error) return std::nullopt;
    if (numbers_.size() >= kept_max) numbers_.clear();
    auto port = static_cast<uint16_t>(std::stoi(at->port));
    return numbers_.emplace(text, Endpoint(address, port)).first->second;
}

} // namespace rove::node
