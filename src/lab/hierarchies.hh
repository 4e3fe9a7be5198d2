// SPDX-License-Identifier: Apache-2.0
// Hierarchies: the cgroup hierarchies of the machine, and a node's place in each.
//
// Version 1 has one hierarchy per controller, version 2 one for all, and many machines have both at
// once. A node gets a directory `rove-lab.<lab>/<node>` in each of them. Its processes live in that
// directory (v1) or in the leaf `init` below it (v2, where a directory with controllers may not
// hold processes), and its cgroup namespace is rooted there, so the node sees its limits as a
// machine's.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "base/clock.hh"
#include "base/result.hh"
#include "lab/plan.hh"

namespace rove::lab {

struct Hierarchy {
    std::string mount_point;
    int version = 2;
    std::string options; // v1: what to give to mount(2) to get the same one: "cpu,cpuacct"

    bool has(std::string_view controller) const; // v1 only
    bool operator==(Hierarchy const&) const = default;
};

// From the text of /proc/self/mountinfo. A hierarchy that is mounted twice counts once.
std::vector<Hierarchy> parse_hierarchies(std::string_view mountinfo);
Result<std::vector<Hierarchy>> find_hierarchies();

// Makes the node's directories with its limits.
Status make_cgroups(std::vector<Hierarchy> const& all, Plan const& plan, NodePlan const& node);

// Lets the node limit groups of its own (v2). Requires: its init has moved to its leaf.
void delegate_controllers(
    std::vector<Hierarchy> const& all, std::string_view lab, std::string_view node);

// Where a process of the node is written to: one cgroup.procs per hierarchy.
std::vector<std::string> procs_files(
    std::vector<Hierarchy> const& all, std::string_view lab, std::string_view node);

// Kills every process in the directory and below, until there is none. Frozen ones are thawed.
// An empty node means all of the lab.
Status kill_cgroups(std::vector<Hierarchy> const& all, std::string_view lab, std::string_view node,
    Deadline deadline);
// Requires: no process is left there.
Status remove_cgroups(std::vector<Hierarchy> const& all, std::string_view lab,
    std::string_view node, Deadline deadline);

} // namespace rove::lab
