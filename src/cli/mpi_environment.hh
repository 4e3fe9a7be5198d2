// SPDX-License-Identifier: Apache-2.0
// MPI environment: what the MPI libraries are told so that the ranks of a job can move.
//
// Variables of the environment stand below options of the command line, and what the user has set
// is kept: who asks for shared memory gets it, and ranks that stay at home.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace rove::cli {

/// Names and values to set; `present` says whether the user has set a variable. `components`: where
/// our components for Open MPI lie; empty: there are none.
std::vector<std::pair<std::string, std::string>> mpi_environment(
    std::string const& components, std::function<bool(std::string const&)> const& present);

} // namespace rove::cli
