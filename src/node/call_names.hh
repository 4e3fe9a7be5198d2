// SPDX-License-Identifier: Apache-2.0
// Call names: what the calls in `rove trace` are called.
#pragma once

#include <cstdint>
#include <string>

namespace rove::node {

std::string call_name(uint32_t number);

} // namespace rove::node
