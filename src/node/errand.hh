// SPDX-License-Identifier: Apache-2.0
// Errand: work that may block, or that a user can make block, done by a child of the daemon. The
// event loop goes on meanwhile, and kills the child when its time is over.
//
// The child is a copy of the daemon, without its descriptors and signal handlers; nothing that it
// changes is seen here but what it answers.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "node/async.hh"

namespace rove::node {

// The answer of `work`; none if it has not come in time, or the child has died. Descriptors 0 to 2
// and those in `keep` are open in the child. Whoever waits for children reaps it.
Task<std::optional<std::string>> run_errand(
    asio::io_context& io, std::function<std::string()> work, std::vector<int> keep, Nanos limit);

} // namespace rove::node
