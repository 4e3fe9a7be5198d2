// SPDX-License-Identifier: Apache-2.0
// MPI rank: the two words by which Open MPI's mpirun asks for us, through our components for it.
//
// `.mpi-places WAY` prints what a job is given: "3 turns n1 n2 n3", or "3" if its ranks begin at
// home. `.mpi-rank [options of run] [--places TEXT] -- CMD` becomes a rank, where it is to begin.
//
// KEEP IN STEP WITH plugins/openmpi/launching/ask_rove.h
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/mpi_places.hh"

namespace rove::cli {

inline constexpr char const* mpi_rank_word = ".mpi-rank";
inline constexpr char const* mpi_places_word = ".mpi-places";

int start_mpi_rank(std::vector<std::string> const& words);
int print_mpi_places(std::vector<std::string> const& words);

/// What the board has for a job now.
client::Asked<Allotment> allot_now(std::string_view way);

} // namespace rove::cli
