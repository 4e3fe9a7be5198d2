// SPDX-License-Identifier: Apache-2.0
// Tool: runs one of the machine's own programs (ip, tc, nft, mkswap) to its end.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hh"

namespace rove::lab {

// Runs argv with `input` as its standard input; in the network namespace `net_ns` unless it is -1.
// An exit status other than 0 is an error that quotes what the program said.
Status run_tool(std::vector<std::string> const& argv, std::string_view input = {}, int net_ns = -1);

// The directory that this program's file lies in; roved lies beside it.
Result<std::string> program_dir();

} // namespace rove::lab
