// SPDX-License-Identifier: Apache-2.0
// Tenants: the processes that run on this node and could run elsewhere, its own and its guests,
// with what is remembered of each.
#pragma once

#include <map>
#include <utility>
#include <vector>

#include "base/clock.hh"
#include "node/balance/numbers.hh"
#include "policy/experience.hh"
#include "policy/history.hh"

namespace rove::node {

// How much a process has had to say to another one so far.
struct Talk {
    uint64_t partner = 0; // a number of its own
    policy::NodeIndex at = policy::nowhere;
    uint64_t messages = 0;
};

struct Tenant {
    wire::Identity identity;
    pid_t pid = 0; // here
    bool stays = false, confined = false, moving = false;
    double here_s = 0;  // since it came, or began
    double moved_s = 0; // what its last move cost it; 0: it has never been moved
    uint64_t memory = 0;
    uint64_t calls = 0;    // of a guest: forwarded so far
    double calls_rate = 0; // of one at home: forwarded per CPU second when it was away
    double away_s = 0;     // of CPU time, in which that was learnt
    std::vector<Talk> talks;
    uint64_t need = 1; // of CPU features, see Needs
    // What it brings along when it is seen for the first time.
    double cpu_s = 0, demand = 1;
    // What its like used, if it has been here since it began to be like them; else of nobody.
    policy::Expected expected;
};

class Tenants {
public:
    Tenants(Numbers& numbers, double speed) : numbers_(numbers), speed_(speed) {}

    // All that are here now; histories of others are forgotten.
    void set(std::vector<Tenant> all);
    // What they have done since the last time.
    void count(std::map<pid_t, policy::Counted> const& counted);
    // Who has ended or left since the last time that this was asked.
    struct Gone {
        double demand, here_s;
    };
    std::vector<Gone> take_gone() { return std::exchange(gone_, {}); }
    // What is known of its past is of no use any more.
    void executed(wire::Identity const& identity);
    // It has ordered away something that did not go: left alone until then.
    void rest(wire::Identity const& identity, Nanos until);

    std::vector<Tenant> const& all() const { return all_; }
    Tenant const* find(uint64_t number) const;
    policy::History const* history(uint64_t number) const;
    std::vector<policy::ProcessView> views(Nanos now) const;
    enum class Leaving : uint8_t { counted, left_out };
    double demand(Leaving leaving) const;
    // Of those that could be sent away.
    uint64_t memory_movable() const;

private:
    struct Kept {
        policy::History history;
        uint64_t calls = 0, start_time = 0;
        Nanos rests_until{};
        std::map<uint64_t, uint64_t> messages{}; // so far, by partner
    };
    static double remembered_calls(Tenant const& tenant);
    static void count_talks(Tenant const& tenant, Kept& known);
    Kept const& kept(Tenant const& tenant) const;

    Numbers& numbers_;
    double speed_;
    std::vector<Tenant> all_;
    std::vector<Gone> gone_;
    std::map<uint64_t, Kept> kept_; // by number
};

} // namespace rove::node
