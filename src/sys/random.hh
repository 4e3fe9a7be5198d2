// SPDX-License-Identifier: Apache-2.0
// Random: bytes that nobody can guess, from the kernel.
#pragma once

#include <string>

#include "base/result.hh"

namespace rove::sys {

Result<std::string> random_bytes(size_t count);

} // namespace rove::sys
