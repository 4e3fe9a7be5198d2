// SPDX-License-Identifier: Apache-2.0
// Run: one command in a node, as if it were run here.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hh"

namespace rove::lab {

// The command's exit status, or 128 + the signal that ended it. 126 and 127 as a shell has them.
// Signals that reach us go on to it; it does not outlive us.
Result<int> run_command(
    std::string_view lab, std::string_view node, std::vector<std::string> const& argv);

} // namespace rove::lab
