// SPDX-License-Identifier: Apache-2.0
// Notify: tells the service manager that started us how we are (sd_notify's protocol, which is one
// datagram).
#pragma once

#include <string_view>

namespace rove::node {

// Without NOTIFY_SOCKET nothing happens.
void notify_service(std::string_view state);

} // namespace rove::node
