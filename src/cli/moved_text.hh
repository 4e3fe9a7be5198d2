// SPDX-License-Identifier: Apache-2.0
// Moved text: what a move did, in a line.
#pragma once

#include <string>

#include "cli/screen.hh"
#include "client/json.hh"

namespace rove::cli {

/// Of one row of the answer to POST /v1/move, without a line end.
std::string moved_text(Screen const& screen, client::Json const& row);

} // namespace rove::cli
