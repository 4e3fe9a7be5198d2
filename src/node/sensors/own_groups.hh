// SPDX-License-Identifier: Apache-2.0
// Own groups: where this node's cgroups are, and whether it is a machine's only one.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace rove::node {

// Nobody else's processes are on this machine, or they are visible: what the kernel counts for the
// whole machine is this node's. Not so in a lab, where each node has a PID namespace of its own.
bool is_whole_machine();

// The directories of the daemon's group and of those above it that can be seen, lowest first; none
// if the machine lacks that controller.
std::vector<std::string> group_levels(std::string const& controller);

// The directory of all that is this node's: none if it is the machine's own root, where a number
// stands for more than what is this node's.
std::optional<std::string> node_group(std::string const& controller);

// Version 2 of the cgroups has pressure files whether or not it has the controllers.
std::optional<std::string> node_pressure_group();

bool is_unified();

} // namespace rove::node
