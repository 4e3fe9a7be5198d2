// SPDX-License-Identifier: Apache-2.0
// Gate: the way into a running node.
//
// A process can move itself into every namespace but a PID namespace, which only its children can
// be in. So fork_in() makes a child that is in the node's PID namespace from its first moment, and
// enter(), called in that child, takes it to the node's cgroup and other namespaces.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "base/fd.hh"
#include "base/result.hh"
#include "lab/hierarchies.hh"

namespace rove::lab {

class Gate {
public:
    // Fails if the node does not run.
    static Result<Gate> open(std::string_view lab, std::string_view node);

    // Like fork(): 0 in the child, which is in the node's PID namespace and nothing else of it.
    Result<pid_t> fork_in() const;
    // In the child. Keeps the working directory, by its name where that leads to the same place.
    Status enter() const;

    pid_t init() const { return init_pid_; }

private:
    Gate() = default;
    pid_t init_pid_ = -1;
    Fd init_;   // a pidfd
    Fd pid_ns_; // our own, to come back to
    std::vector<std::string> procs_;
};

// Replaces the calling process by argv. A command that is called `rove` and is not in PATH is found
// beside this program. Returns only on failure: 127 not found, 126 not executable.
int exec_command(std::vector<std::string> const& argv);

// Runs argv in the node to its end and returns what it wrote to standard output (1 MiB at most).
// Its standard error is discarded. An exit status other than 0, or none in time, is an error.
Result<std::string> output_in(
    Gate const& gate, std::vector<std::string> const& argv, Deadline deadline);

} // namespace rove::lab
