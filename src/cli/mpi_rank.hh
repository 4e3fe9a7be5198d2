// SPDX-License-Identifier: Apache-2.0
// MPI rank: what mpirun starts in place of a rank that `rove mpirun` has chosen a node for. It
// becomes the rank, there.
#pragma once

#include <string>
#include <vector>

namespace rove::cli {

inline constexpr char const* mpi_rank_word = ".mpi-rank";
int start_mpi_rank(std::vector<std::string> const& command);

} // namespace rove::cli
