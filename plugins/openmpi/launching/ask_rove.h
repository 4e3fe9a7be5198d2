// SPDX-License-Identifier: Apache-2.0
// Ask Rove: what mpirun asks the node's daemon, by the command line.
//
// KEEP IN STEP WITH src/cli/mpi_rank.hh
#pragma once

// The answer of `.mpi-places` to `place` ("home", "best", "spread:2"): how many ranks have a core
// of their own there, and where they begin ("" at home), which the caller frees. -1: it does not
// answer, or says that it cannot be; why stands on standard error then, unless `quiet`.
int rove_ask_places(char const* command, char const* place, int quiet, long* slots, char** places);

// The same of an answer that is known already, such as "3 turns n1 n2 n3".
int rove_take_places(char const* text, long* slots, char** places);

// Where the ranks of this mpirun begin is told by what allocates to what launches, in this variable
// of mpirun's own environment.
#define ROVE_PLACES_VARIABLE "ROVE_MPI_PLACES"
