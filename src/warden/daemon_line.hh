// SPDX-License-Identifier: Apache-2.0
// Daemon line: the connection to roved, which may die and come back while the guest runs.
#pragma once

#include <functional>
#include <string>

#include "base/fd.hh"
#include "sys/loop.hh"
#include "wire/keeper.hh"

namespace rove::warden {

class DaemonLine {
public:
    /// `hello` makes the packet that tells a new daemon everything; `ended` is called for
    /// end_guest.
    DaemonLine(sys::Loop& loop, std::string path, std::function<std::string()> hello,
        std::function<void()> ended);
    ~DaemonLine();
    DaemonLine(DaemonLine const&) = delete;
    /// For `again`.
    std::function<void(wire::Again const&)> come_again = [](wire::Again const&) {};
    DaemonLine& operator=(DaemonLine const&) = delete;

    /// Connects now, or again each half second until the daemon is there.
    void connect();
    /// Dropped when there is no daemon: the next hello tells the same.
    void send(std::string const& packet);

private:
    void serve();
    void lost();

    sys::Loop& loop_;
    std::string path_;
    std::function<std::string()> hello_;
    std::function<void()> ended_;
    Fd socket_;
};

} // namespace rove::warden
