// SPDX-License-Identifier: Apache-2.0
// Thread pages: which pages of a process its threads point to while they stand.
//
// Pure: what the threads are is told.
#pragma once

#include <vector>

#include "migrate/copy.hh"

namespace rove::migrate {

// Those that the threads will touch in their first instructions: their stacks, their own storage,
// what their registers point to. Ascending.
Ranges needed_at_once(std::vector<wire::ThreadImage> const& threads);

// Where the arrays of polls lie that deputies finish, which the kernel reads again, and what is
// left of sleeps, which it writes. Ascending, of whole pages.
Ranges pages_of_waits(std::vector<wire::ThreadImage> const& threads);

} // namespace rove::migrate
