// SPDX-License-Identifier: Apache-2.0
// Debugger: a process for which another one stays at home.
#pragma once

#include "node/process.hh"
#include "node/readable.hh"

namespace rove::node {

struct Debugger {
    Debugger(pid_t a_pid, asio::posix::stream_descriptor a_pidfd)
        : pid(a_pid), pidfd(std::move(a_pidfd)) {}
    pid_t pid;
    asio::posix::stream_descriptor pidfd; // closed: it is of no interest any more
};

// The process has ended: nobody waits for its debuggers' ends.
inline void end_debuggers(Process& process) {
    boost::system::error_code ignored;
    for (auto const& debugger : process.debuggers)
        debugger->pidfd.close(ignored);
    process.debuggers.clear();
}

} // namespace rove::node
