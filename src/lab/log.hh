// SPDX-License-Identifier: Apache-2.0
// Log: what a node's daemon has written, and is writing.
#pragma once

#include <string_view>

#include "base/result.hh"

namespace rove::lab {

enum class Follow { no, yes };

// Copies it to standard output. With Follow::yes until the lab is taken down or nobody reads.
Status print_log(std::string_view lab, std::string_view node, Follow follow);

} // namespace rove::lab
