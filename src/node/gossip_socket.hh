// SPDX-License-Identifier: Apache-2.0
// GossipSocket: carries the board's datagrams, sealed, over UDP, and calls it when it is due.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include <boost/asio/ip/udp.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include "base/result.hh"
#include "net/seal.hh"
#include "node/async.hh"
#include "node/endpoints.hh"
#include "node/gossip_board.hh"

namespace rove::node {

struct GossipCounts {
    uint64_t sent = 0, sent_bytes = 0;         // with IP and UDP headers
    uint64_t received = 0, received_bytes = 0; // what was opened
    uint64_t no_datagram = 0, other_version = 0, forged = 0, replayed = 0;
};

class GossipSocket {
public:
    // `key`: net::derive(…, "gossip").
    static Result<std::unique_ptr<GossipSocket>> create(
        asio::io_context& io, GossipBoard& board, std::string const& key);

    // One more address that datagrams come in on, and go out from.
    Status listen(std::string const& address_and_port);
    // The board's own part must have begun.
    void begin();
    // The board has something to say sooner than it thought, or later.
    void wake();
    // Our bulletin goes to that one at once.
    void tell(std::string const& node);
    // Tells some others that this node goes; they are sent before it returns.
    void leave();
    GossipCounts const& counts() const { return counts_; }

private:
    using udp = asio::ip::udp;
    GossipSocket(asio::io_context& io, GossipBoard& board, net::Sealer sealer, net::Opener opener,
        asio::posix::stream_descriptor alarm);
    Task<> receive_all(std::shared_ptr<udp::socket> socket);
    Task<> tick_all();
    struct Letter {
        udp::endpoint to;
        std::string sealed;
    };
    std::vector<Letter> sealed(std::vector<Outgoing> const& all);
    void send(std::vector<Letter> const& letters);
    void carry(std::vector<Outgoing> const& all);
    void refuse(net::SealFault fault, std::string const& from);
    std::optional<udp::endpoint> resolve(std::string const& to);
    Task<> look_up(std::string to);

    asio::io_context& io_;
    GossipBoard& board_;
    net::Sealer sealer_;
    net::Opener opener_;
    struct Open {
        std::shared_ptr<udp::socket> socket;
        udp protocol;
    };
    std::vector<Open> sockets_;
    // A descriptor of its own: one of the library's timers that is put off fires all the same, once
    // for each answer, for nothing.
    asio::posix::stream_descriptor alarm_;
    Nanos alarm_at_{-1};
    GossipCounts counts_;
    struct Found {
        std::optional<udp::endpoint> endpoint;
        Nanos asked{};
    };
    Endpoints endpoints_;
    std::map<std::string, Found> names_; // of hosts that the configuration names
    std::set<std::string> told_;         // what the log has said about strange datagrams
};

} // namespace rove::node
