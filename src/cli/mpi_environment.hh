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

// Where Open MPI looks for components.
inline constexpr char const* mpi_component_path = "OMPI_MCA_mca_base_component_path";

/// How a job is started.
struct MpiLaunch {
    std::string components; // where ours for Open MPI lie; empty: there are none
    std::string rove;       // our own path, for them
    std::string way;        // where ranks begin; see mpi_places.hh
    bool stay = false;
    bool prevent_oversubscription = false;
    std::string found = {}; // what the board had, as text_of says it; empty: to be asked by mpirun
};

/// Names and values to set; `present` says whether the user has set a variable.
std::vector<std::pair<std::string, std::string>> mpi_environment(
    MpiLaunch const& launch, std::function<bool(std::string const&)> const& present);

} // namespace rove::cli
