// SPDX-License-Identifier: Apache-2.0
// Init: PID 1 of a node. It owns the node's namespaces and reaps what is orphaned there.
//
// start_init() clones the calling program's own file into new namespaces; that process calls
// init_main(), which makes the node's own /proc, /sys and /run/rove and then does nothing but reap.
// The node lives as long as it does: when it is killed, the kernel kills all the others.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <sys/types.h>

#include "base/clock.hh"
#include "base/fd.hh"
#include "base/result.hh"
#include "lab/hierarchies.hh"

namespace rove::lab {

// The first argument after `lab` by which the program knows that it is to be init.
constexpr char const* init_word = ".init";

class Init {
public:
    // Clones it. It waits, in its own namespaces but in nobody's cgroup, until go().
    static Result<Init> start(
        std::vector<Hierarchy> const& all, Plan const& plan, NodePlan const& node);

    pid_t pid() const { return pid_; }
    // Lets it make its mounts, and waits until it has.
    Status go(Deadline deadline);

private:
    pid_t pid_ = -1;
    Fd go_, ready_;
};

// What `rove lab .init …` does; returns only if it fails.
int init_main(int argc, char** argv);

// The running init of a node, by the file that its start left; none if it does not run.
std::optional<pid_t> running_init(std::string_view lab, std::string_view node);
// It has ended, and its parent has not asked how.
bool is_zombie(pid_t pid);
Status remember_init(std::string_view lab, std::string_view node, pid_t pid);

} // namespace rove::lab
