// SPDX-License-Identifier: Apache-2.0
// Peers: the connections to the daemons of the other nodes.
//
// A TLS connection is made when there is something to ask, and closed a minute after the last word
// on it, or when the board says that the other node is dead, so that packets which vanish cost no
// more than a refused connection. Questions are numbered.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/ip/tcp.hpp>

#include "base/result.hh"
#include "node/async.hh"
#include "node/gossip_board.hh"
#include "wire/peer.hh"

namespace rove::node {

struct PeerReply {
    wire::PeerType type = wire::PeerType::none;
    std::string body;
    template <class T> static PeerReply of(wire::PeerType type, T const& message) {
        return {type, wire::encode(message)};
    }
};

class PeerLink;

class Peers {
public:
    using Serve =
        std::function<Task<PeerReply>(std::string from, wire::PeerType type, std::string body)>;
    Peers(asio::io_context& io, GossipBoard& board, std::string psk, Serve serve);
    ~Peers();

    Status listen(std::string const& address_and_port);

    // The answer, or why there is none: no connection, or silence. The board knows the address.
    Task<Result<PeerReply>> ask(std::string node, wire::PeerType type, std::string body,
        Nanos timeout = std::chrono::seconds(3));
    // No answer is expected; lost if there is no connection.
    void tell(std::string const& node, wire::PeerType type, std::string const& body);
    // Whether that node's kernel takes connections or refuses them: a daemon that says nothing may
    // be slow, or be restarted; a machine that does not even refuse is gone, or out of reach.
    Task<bool> machine_answers(std::string node);
    // Closes what is of no use any more; to be called now and then.
    void beat();
    // Of each node that there is a connection to, as the kernel has measured it.
    std::map<std::string, Nanos> round_trips() const;
    // The connections to a node that is dead, or to earlier incarnations of it.
    void drop(std::string const& name, std::optional<uint64_t> all_but = std::nullopt);

private:
    friend class PeerLink;
    struct Listener;
    Task<std::shared_ptr<PeerLink>> link_to(std::string node);
    std::shared_ptr<PeerLink> open_link(std::string const& node) const;
    Task<Result<PeerReply>> ask_once(
        std::string node, wire::PeerType type, std::string body, Nanos timeout);
    Task<> accept_all(std::shared_ptr<Listener> listener);
    // Among those that come from this address, or from anywhere.
    void make_room(std::string const& from);
    Task<Result<asio::ip::tcp::socket>> connect(std::string address);
    Task<> dial(std::string name);
    Task<> converse(std::shared_ptr<PeerLink> link);
    bool take(PeerLink& link, wire::PeerFrame const& frame, std::string_view body);
    bool take_hello(PeerLink& link, std::string_view body);
    Task<> answer(std::shared_ptr<PeerLink> link, wire::PeerFrame frame, std::string body);
    void trouble(PeerLink& link, Error const& error);

    asio::io_context& io_;
    GossipBoard& board_;
    std::string psk_;
    Serve serve_;
    std::map<std::string, std::shared_ptr<PeerLink>> links_; // by name, after the hello
    std::map<std::string, std::shared_ptr<Event>> dialling_; // by name
    std::vector<std::weak_ptr<PeerLink>> all_;               // those in the handshake, too
    std::map<std::string, std::string> told_;                // what the log last said of an address
};

} // namespace rove::node
