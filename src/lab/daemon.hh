// SPDX-License-Identifier: Apache-2.0
// Daemon: the roved of a node: its configuration, whether it runs, its start and its end.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "base/clock.hh"
#include "base/result.hh"
#include "lab/gate.hh"
#include "lab/plan.hh"

namespace rove::lab {

std::string daemon_config(Plan const& plan, NodePlan const& node);

// The roved processes that live directly in the node's PID namespace, whoever started them.
std::vector<pid_t> find_daemons(pid_t init);

// Does not wait until it is ready. A node that has one already is left as it is.
Status start_daemon(std::string_view lab, std::string_view node);
// Sends the signal and waits until all have ended. Nobody to be ended: nothing to do.
Status end_daemon(std::string_view lab, std::string_view node, int signal, Deadline deadline);

} // namespace rove::lab
