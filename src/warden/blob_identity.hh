// SPDX-License-Identifier: Apache-2.0
// Blob identity: names the runtime's bytes. Both nodes of a move must have the same.
#pragma once

#include <string>

namespace rove::warden {

/// XXH3-128 of the bytes as 32 hexadecimal digits: what wire::Prepare::blob holds.
std::string blob_identity();

} // namespace rove::warden
