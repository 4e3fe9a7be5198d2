// SPDX-License-Identifier: Apache-2.0
// Priorities: a guest's threads get the nice values and policies that they have at home, as far as
// this node allows.
#pragma once

#include <sys/types.h>

#include "base/result.hh"
#include "wire/keeper.hh"

namespace rove::node {

// `guest` must be a child of `warden`. No nice value is better than `best`.
Status set_priorities(pid_t guest, pid_t warden, wire::Priorities const& wanted, int best);

} // namespace rove::node
