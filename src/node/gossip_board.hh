// SPDX-License-Identifier: Apache-2.0
// GossipBoard: the board that nodes keep by telling each other what they know.
//
// Joins the gossip core with the roster and the datagrams: what comes is decoded, lives become
// numbers, cards that are missing are asked for, and what the core wants to say becomes bytes.
// No socket and no clock: gossip_socket.hh carries what goes out and brings what comes.
#pragma once

#include <map>

#include "gossip/core.hh"
#include "node/board.hh"
#include "node/roster.hh"

namespace rove::node {

struct Outgoing {
    std::string to; // address:port
    std::string plain;
};

class GossipBoard : public Board {
public:
    explicit GossipBoard(gossip::Knobs const& how, uint64_t seed) : knobs_(how), random_(seed) {}

    // Before all else. `port`: where we get datagrams; 0 if nobody can reach us by our addresses.
    // `first_issue` is above all that this incarnation has used.
    void begin(Bulletin own, uint16_t port, uint32_t first_issue, Nanos now);
    // One that may be there, by the configuration.
    void add(std::string const& name, std::string const& address_and_port, Nanos now);

    void set_own(Bulletin own);
    // Others shall hear of it at once.
    void sudden(Nanos now);
    void set_trouble(std::string const& name, std::string why);

    std::vector<Outgoing> tick(Nanos now);
    std::vector<Outgoing> receive(std::string const& from, std::string_view plain, Nanos now);
    std::vector<Outgoing> leave(Nanos now);
    // Our bulletin, for one node at once.
    std::vector<Outgoing> tell(std::string const& name, Nanos now);
    Nanos due() const; // when the next tick is

    Bulletin const& own() const { return own_; }
    // Where its daemon is reached, address:port; empty if that is not known.
    std::string contact(std::string const& name) const;
    // Datagrams that had the seal and made no sense.
    size_t senseless() const { return senseless_; }

    std::vector<Member> members(Nanos now) const override;
    std::optional<Member> find(std::string const& name, Nanos now) const override;
    void subscribe(Changed changed) override { changed_.push_back(std::move(changed)); }
    // Called with who has said something newer of itself in a message that was meant for us.
    std::function<void(std::string const& name)> news;

private:
    using Datagram = wire::GossipDatagram;
    void hear(
        std::string const& from, Datagram const& datagram, Nanos now, std::vector<Outgoing>& out);
    void take_cards(
        std::string const& from, Datagram const& datagram, Nanos now, std::vector<Outgoing>& out);
    void give_cards(std::string const& to, Datagram const& asked, std::vector<Outgoing>& out) const;
    void ask_for_cards(
        std::string const& from, Datagram const& datagram, Nanos now, std::vector<Outgoing>& out);
    void perform(gossip::Actions const& actions, Datagram const* came, Nanos now,
        std::vector<Outgoing>& out);
    void tell(NodeIndex node, Nanos now, bool new_incarnation);
    Datagram datagram(wire::GossipType type) const;
    std::string encode(gossip::Message const& message) const;
    wire::GossipEntry entry_of(gossip::Statement const& statement) const;
    Member view(NodeIndex node, Nanos now) const;
    MemberState state_of(NodeIndex node) const;

    gossip::Knobs knobs_;
    gossip::Random random_;
    Bulletin own_;
    NodeIndex self_ = 0;
    uint64_t life_ = 0;
    uint16_t port_ = 0;
    Roster roster_;
    std::optional<gossip::Core> core_;
    std::vector<MemberState> told_;     // by number
    std::map<uint64_t, Datagram> held_; // by sender: what came from it before its card
    std::map<uint64_t, Nanos> asked_;   // by life: when we asked for its card
    size_t senseless_ = 0;
    std::vector<Changed> changed_;
};

} // namespace rove::node
