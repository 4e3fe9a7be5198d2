// SPDX-License-Identifier: Apache-2.0
// HostPort: "10.0.0.2:7946" and "[fe80::1]:7946" in their two parts.
#pragma once

#include <string>

#include "base/result.hh"
#include "base/text.hh"

namespace rove::node {

struct HostPort {
    std::string host, port;
};

inline Result<HostPort> split_address(std::string const& text) {
    size_t colon = text.rfind(':');
    if (colon == std::string::npos ||
        !parse_number<uint16_t>(std::string_view(text).substr(colon + 1)))
        return deny(EINVAL, "'{}' is not an address:port", printable(text));
    std::string host = text.substr(0, colon);
    if (host.size() > 2 && host.front() == '[' && host.back() == ']')
        host = host.substr(1, host.size() - 2);
    return HostPort{host, text.substr(colon + 1)};
}

} // namespace rove::node
