// SPDX-License-Identifier: Apache-2.0
// Figures text: what a decision or an event was made of, in one line.
#pragma once

#include <string>

#include "client/json.hh"

namespace rove::cli {

/// {"load": 2.5, "memory_bytes": 1048576} → "load 2.5, memory 1.0 MB". Text stays as it is.
std::string figures_text(client::Json const& figures);

} // namespace rove::cli
