// SPDX-License-Identifier: Apache-2.0
// Tables: what the screen says of nodes and of processes, as grids.
#pragma once

#include <span>

#include "cli/top/board.hh"
#include "cli/top/grid.hh"

namespace rove::cli::top {

/// The load that a full bar stands for: 1, 2, 4 … so that the most loaded node fits.
double load_scale(std::span<NodeRow const> nodes);

Grid node_grid(std::span<NodeRow const> nodes, double scale);
Grid process_grid(std::span<ProcessRow const> processes, bool utf8);

} // namespace rove::cli::top
