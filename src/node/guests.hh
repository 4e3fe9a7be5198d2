// SPDX-License-Identifier: Apache-2.0
// Guests: the processes of other homes on this node: what is granted to them, their reservations
// and their wardens.
//
// An offer that is accepted makes a reservation: a cgroup, a user number, a warden that listens. It
// ends after ten seconds if the guest has not come. A warden that says hello to a new daemon is a
// guest that lives on.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "node/async.hh"
#include "node/balance/tenants.hh"
#include "node/config.hh"
#include "node/cpu_match.hh"
#include "node/keepers.hh"
#include "wire/peer.hh"

namespace rove::node {

struct Guest {
    std::string session;
    wire::Identity identity;
    std::string user, command;
    uint64_t memory_bytes = 0, cpu_us = 0;
    pid_t warden_pid = 0;
    uint16_t port = 0;
    uint32_t slot = 0;  // of the range of user numbers
    std::string group;  // the session whose cgroup it is in
    bool begun = false; // its steward has come, and its warden sees to what becomes of it
    bool arrived = false;
    bool kept = false; // it has left, and its memory is here for its return
    pid_t pid = 0;     // here; 0: not known yet
    std::optional<wire::Priorities> priorities; // that its threads have been given
    wire::Offer offer; // what its home has said of it; of one that was born here: of its parent
    Nanos offered{}, arrived_at{}, left_at{}; // monotonic
    // What its home tells once a second.
    bool terms_known = false, stays = false;
    uint64_t calls = 0;      // forwarded so far
    std::vector<Talk> talks; // with partners, so far
    double expected_s = 0;   // CPU time that its like used, if it was executed here
    double lost_s = 0;       // that its last move cost it
    std::shared_ptr<Keeper> warden;
    std::shared_ptr<Event> listening; // set when the warden has said hello, or has failed
};

// What is granted, from the configuration.
struct Grants {
    uint64_t max = 0, memory = 0;
    std::vector<std::string> homes, users;
    bool blocked = false;
};
// Why not, or an empty text. Pure.
wire::Refuse judge_offer(wire::Offer const& offer, Grants const& grants, uint64_t guests_now,
    uint64_t memory_used, uint64_t memory_free, Cpu const& own, std::string const& node);

class Guests {
public:
    struct Host {
        std::string node, run_dir;
        std::vector<std::string> addresses;
        Cpu cpu;
    };
    Guests(asio::io_context& io, Config const& config, Keepers& keepers, Host host);

    using Landed = std::variant<wire::Accept, wire::Refuse>;
    Task<Landed> offer(wire::Offer offer, bool blocked, uint64_t memory_free);
    void withdraw(std::string const& session);
    // A home that is gone for good: its guests end.
    void home_lost(std::string const& home, uint64_t present_incarnation);

    void hello(std::shared_ptr<Keeper> keeper, wire::WardenHello hello);
    bool packet(std::shared_ptr<Keeper> const& keeper, wire::KeeperPacket const& packet);
    // Whether the guest is gone for good with it.
    void closed(std::shared_ptr<Keeper> const& keeper);

    // Called when one has arrived or left: event name and the guest.
    std::function<void(std::string const&, Guest const&)> happened;
    std::vector<Guest> arrived() const;
    // Of guests and wardens, here.
    void add_pids(std::set<pid_t>& pids) const;
    // By its session, or by its home and PID there; null if there is none.
    Guest* find(std::string const& session);
    Guest* find(std::string const& home, pid_t pid);
    size_t count() const { return guests_.size(); }
    // Nobody, and no warden that may have guests of which nothing has been heard yet.
    bool empty() const { return guests_.empty() && leaving_groups_.empty(); }
    // Memory of guests that have left: as good as free, and given up from the oldest on until at
    // most so much is left.
    uint64_t kept_bytes() const;
    void give_up_kept(uint64_t bytes_left);

private:
    Task<> expire(std::string session);
    wire::WardenOrder order_for(Guest const& guest, std::string const& token) const;
    Guest const* find_kept(wire::Offer const& offer) const;
    Task<Landed> await_landing(std::string session, std::string token, Nanos patience);
    Task<> clean(std::string group);
    Task<> bury(std::string group, pid_t warden);
    Task<> see_buried(std::string group, pid_t warden);
    bool lives_on(std::string const& group) const;
    void end(Guest& guest);
    bool take_priorities(Keeper const& keeper, std::string_view body);
    Result<std::vector<std::string>> make_group(Guest const& guest);

    asio::io_context& io_;
    Config const& config_;
    Keepers& keepers_;
    Host host_;
    std::map<std::string, Guest> guests_;       // by session
    std::multiset<std::string> leaving_groups_; // whose last known guest has ended
};

} // namespace rove::node
