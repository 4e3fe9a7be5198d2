// SPDX-License-Identifier: Apache-2.0
// Daemon line: the steward's connection to its daemon, which may come and go.
//
// Nothing of a move depends on it: what cannot be told now is told by the next hello.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/clock.hh"
#include "base/fd.hh"
#include "wire/keeper.hh"

namespace rove::migrate {

class DaemonLine {
public:
    explicit DaemonLine(std::string path) : path_(std::move(path)) {}

    int fd() const { return fd_.number(); }
    // Connects if there is no connection and the last attempt is some time ago; says hello.
    void keep_up(std::function<wire::StewardHello()> const& hello);
    template <class T> void send(wire::KeeperType type, T const& body) {
        send_packet(wire::keeper_packet(type, body));
    }
    // The next packet that has come. Its body is valid until the next call.
    std::optional<wire::KeeperPacket> receive();

private:
    void send_packet(std::string const& packet);
    std::string path_;
    Fd fd_;
    Nanos tried_{0};
    std::string input_;
};

} // namespace rove::migrate
