// SPDX-License-Identifier: Apache-2.0
// Balance: what the policy knows on this node, from one decision to the next, and the questions
// that it is asked: what shall leave, where does a program start, may this one come?
//
// It is given the time, the board's members and what was measured, and gives back what src/policy
// decides, by names. It asks nobody and moves nothing: node/balancing.cc does.
#pragma once

#include <deque>
#include <map>
#include <set>

#include "node/balance/needs.hh"
#include "node/balance/round_trips.hh"
#include "node/balance/tenants.hh"
#include "node/board.hh"
#include "node/sensors/memory.hh"
#include "policy/decide.hh"
#include "policy/joins.hh"
#include "policy/load.hh"
#include "policy/offers.hh"
#include "policy/place.hh"
#include "policy/record.hh"
#include "policy/tail.hh"

namespace rove::node {

// This node at this moment.
struct Here {
    double cores = 1;
    MemoryState memory;
    bool blocked = false;
    policy::Stance stance = policy::Stance::open;
    uint32_t departing = 0;
};

class Balance {
public:
    Balance(
        std::string const& name, Cpu cpu, double speed, policy::Knobs const& knobs, uint64_t seed);

    // --- what is measured and heard
    // All processes that are here now.
    void see(std::vector<Tenant> tenants);
    // `foreign`: threads of others that wanted a core since the last time, on average.
    void measure(std::map<pid_t, policy::Counted> const& counted, double foreign, Nanos now);
    // An answer of that node is newer than the board.
    void hear(std::string const& node, double load, uint64_t memory_free, Nanos now);
    // The same when it has refused something: what it tells is true then.
    void refused(std::string const& node, double load, uint64_t memory_free, Nanos now);
    // A process of ours has left it, or come there, and it wanted a core.
    void left(std::string const& node, Nanos now);
    void came(std::string const& node, Nanos now);
    // It has told that it takes nothing of ours, whatever its load.
    void shun(std::string const& node, Nanos now);
    // A few bytes have gone to that node and back in that time.
    void saw_round_trip(std::string const& node, Nanos round_trip, Nanos now) {
        round_trips_.saw(node, round_trip, now);
    }
    void learn(uint64_t bytes, double seconds) { cost_.learn(bytes, seconds); }
    void want_room(uint64_t bytes, Nanos now);
    // So much went away with a process, whose pages home keeps as memory that the kernel may take.
    void freed(uint64_t bytes, Nanos now);

    // --- what is told
    double load() const; // of processes that want a core, promised ones included
    bool crowded(double cores, Nanos now) const;

    // --- what is decided
    struct Decided {
        policy::Decision decision;
        policy::Notes notes;
        policy::Record record; // of what it was decided from
    };
    Decided decide(std::vector<Member> const& members, Here const& here, Nanos now);
    // There is nothing to decide, or nothing shall be.
    void decide_nothing() { ushering_ = false, room_wanted_ = 0; }
    // Of a program that begins.
    policy::Placement place(std::vector<Member> const& members, Here const& here,
        policy::ProcessView newcomer, Nanos now);
    std::vector<std::string> invite(
        std::vector<Member> const& members, Here const& here, Nanos now);

    // A process that was ordered away to be with its partner is on its way, or not any more.
    void joins(uint64_t process, policy::NodeIndex node) { joins_.leaves(process, node); }
    void has_joined(uint64_t process) { joins_.settled(process); }
    policy::Refusal answer(wire::Offer const& offer, Here const& here, Nanos now);
    // It is here, or will not come.
    void settle(wire::Identity const& process) { promises_.settle(numbers_.of(process)); }
    size_t arriving() const { return promises_.arriving(); }

    Tenants& tenants() { return tenants_; }
    Tenants const& tenants() const { return tenants_; }
    Numbers& numbers() { return numbers_; }
    Needs& needs() { return needs_; }
    policy::Knobs const& knobs() const { return knobs_; }
    policy::MigrationCost const& cost() const { return cost_; }
    void set_cost(policy::MigrationCost const& cost) { cost_ = cost; }

private:
    policy::NodeView self(Here const& here, double load) const;
    // What is known of the others, each as it was last heard of.
    std::vector<policy::NodeView> others(std::vector<Member> const& members, Nanos now);
    policy::NodeView view_of(Member const& member, Nanos now);
    // `nodes` must outlive what is made.
    policy::Snapshot look(std::vector<policy::NodeView> const& nodes, Here const& here);
    bool owned(double cores) const;
    double present() const;

    std::string name_;
    Cpu cpu_;
    double speed_;
    policy::Knobs knobs_;
    policy::Random random_;
    Numbers numbers_;
    Needs needs_;
    Tenants tenants_;
    struct Freed {
        Nanos at;
        uint64_t bytes;
    };
    std::vector<Freed> freed_;
    policy::LoadFilter load_, foreign_;
    double foreign_now_ = 0, foreign_before_ = 0;
    policy::Promises promises_;
    policy::Joins joins_;
    policy::MigrationCost cost_;
    Nanos measured_{-1};
    bool ushering_ = false;
    uint64_t room_wanted_ = 0;
    Nanos room_until_{};
    struct Word {
        Nanos at{};
        double load = 0;
        uint64_t memory_free = 0;
    };
    std::map<std::string, Word> heard_;
    std::map<std::string, policy::Tail> tails_;
    RoundTrips round_trips_;
    std::map<std::string, Nanos> shunned_; // until when
};

} // namespace rove::node
