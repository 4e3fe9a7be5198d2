// SPDX-License-Identifier: Apache-2.0
// Watch: one listing once, or again every second.
#pragma once

#include <functional>

#include "cli/answer.hh"
#include "cli/screen.hh"

namespace rove::cli {

/// Shows GET `path`: JSON in `shape`, or what `draw` makes of it. With `--watch` until interrupted:
/// a terminal is cleared for each, elsewhere an empty line stands between them.
int show(Given const& given, std::string const& path, Shape shape,
    std::function<std::string(Screen const&, std::vector<Json> const&)> const& draw);

} // namespace rove::cli
