// SPDX-License-Identifier: Apache-2.0
// Fault points: named boundaries between the steps of a transaction, where a test can make it fail.
//
// `ROVE_FAULT=name:action[:N]` in a keeper's environment acts at the N-th passing of a point:
// `kill` ends the process as SIGKILL does, `error` makes the step fail, `pause` holds it there. The
// name `*` with the action `tell` writes the name of each point that is passed into the log.
//
// `ROVE_FAULT=@FILE` reads that text from FILE at each point, so that one daemon serves many tests;
// a file that is not there means nothing. A pause ends as soon as the file says something else.
#pragma once

#include "base/result.hh"

namespace rove {

// The error of the point called `name` if it is the chosen one and its action is `error`.
Status fault_point(char const* name);

} // namespace rove

// In a function that returns a Result: leaves it with an error if the test wants that.
#define FAULT_POINT(name) TRY(::rove::fault_point(name))
