// SPDX-License-Identifier: Apache-2.0
// Fault points: named boundaries between the steps of a transaction, where a test can make it fail.
//
// `ROVE_FAULT=name:kill|error|pause` in a keeper's environment, read once at the first point: kill
// ends the process as SIGKILL does, error makes the step fail, pause stops the process (SIGSTOP).
// `name:action:N` acts at the N-th passing.
#pragma once

#include "base/result.hh"

namespace rove {

// The error of the point called `name` if it is the chosen one and its action is `error`.
Status fault_point(char const* name);

} // namespace rove

// In a function that returns a Result: leaves it with an error if the test wants that.
#define FAULT_POINT(name) TRY(::rove::fault_point(name))
