// SPDX-License-Identifier: Apache-2.0
// Event text: what happened, in a line.
#pragma once

#include <string>

#include "cli/screen.hh"
#include "client/json.hh"

namespace rove::cli {

/// Brief: without the node, which is always the same one, and parts of a second.
enum class Detail { full, brief };
/// Of one row of GET /v1/events, without a line end.
std::string event_text(Screen const& screen, client::Json const& row, Detail detail = Detail::full);

} // namespace rove::cli
