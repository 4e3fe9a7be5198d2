// SPDX-License-Identifier: Apache-2.0
// Keepers: the connections of stewards and wardens on <run_dir>/keepers.sock, and starting new
// ones.
//
// A keeper's first packet is its hello; the process that says it must be the one that made the
// connection, and ours or root's. Keepers are started detached: they outlive this daemon.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/fd.hh"
#include "base/result.hh"
#include "node/async.hh"
#include "wire/keeper.hh"

namespace rove::node {

enum class KeeperRole : uint8_t { unknown, steward, warden };

class Keeper {
public:
    Keeper(Fd socket, pid_t pid) : socket_(std::move(socket)), pid_(pid) {}
    KeeperRole role = KeeperRole::unknown;
    pid_t pid() const { return pid_; }
    int number() const { return socket_.number(); }
    template <class T> Status send(wire::KeeperType type, T const& body) {
        return send_packet(wire::keeper_packet(type, body));
    }

private:
    Status send_packet(std::string const& packet);
    Fd socket_;
    pid_t pid_;
};

class Keepers {
public:
    struct Events {
        std::function<void(std::shared_ptr<Keeper>, wire::StewardHello)> steward_hello;
        std::function<void(std::shared_ptr<Keeper>, wire::WardenHello)> warden_hello;
        // False: the packet is not well formed, the connection is closed.
        std::function<bool(std::shared_ptr<Keeper>, wire::KeeperPacket const&)> packet;
        std::function<void(std::shared_ptr<Keeper>)> closed;
        std::function<void(wire::Looked const&)> looked;
    };
    Keepers(asio::io_context& io, std::string run_dir, Events events);

    Status listen();
    // Starts `rove-keeper ROLE --socket … ARGUMENTS --order-fd N` with `order` to read from N.
    Result<pid_t> spawn(std::string const& role, std::vector<std::string> const& arguments,
        std::string const& order);

private:
    Task<> serve(std::shared_ptr<Keeper> keeper);
    bool take(std::shared_ptr<Keeper> const& keeper, std::string_view bytes);

    asio::io_context& io_;
    std::string run_dir_;
    Events events_;
};

} // namespace rove::node
