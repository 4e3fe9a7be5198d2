// SPDX-License-Identifier: Apache-2.0
// World: one run of a scenario under one strategy: the clock, the events, nodes, jobs and messages.
//
// Virtual time only, and one generator per node: a seed repeats a run to the last digit. Nodes run
// the policy of src/policy with nothing but their board, their own load and what targets answer.
#pragma once

#include <memory>
#include <optional>
#include <queue>

#include "policy/decide.hh"
#include "policy/experience.hh"
#include "policy/load.hh"
#include "policy/offers.hh"
#include "policy/place.hh"
#include "sim/board.hh"
#include "sim/machine.hh"
#include "sim/scenario.hh"
#include "sim/strategy.hh"

namespace rove::sim {

struct Totals {
    uint64_t decisions = 0, moves = 0, placed_away = 0, offers = 0, refused = 0, timed_out = 0,
             aborted = 0, events = 0;
    uint64_t lost_elsewhere =
        0;                // jobs that were lost although neither their home nor their host died
    double drained_s = 0; // until the last job had left a drained node
};

class World {
public:
    World(Scenario const& scenario, Strategy const& strategy, Jobs jobs, uint64_t seed);
    // Until all jobs have ended.
    void run();

    Jobs const& jobs() const { return jobs_; }
    Totals const& totals() const { return totals_; }
    // The most processes that a node had at a time.
    uint32_t peak(NodeIndex node) const { return hosts_[node].peak; }
    double now() const { return now_s_; }
    // Each decision of the policy goes there, as records.
    void log_to(std::string* log) { log_ = log; }

private:
    enum class What : uint8_t {
        arrive,
        end,
        tick,
        offer,
        answer,
        land,
        late,
        invite,
        happen,
        central
    };
    struct Event {
        double at_s;
        uint64_t order;
        What what;
        uint32_t a, b;
        bool operator<(Event const& other) const {
            return at_s != other.at_s ? at_s > other.at_s : order > other.order;
        }
    };
    struct Host {
        Machine machine;
        policy::Random random;
        policy::LoadFilter load, native;
        policy::Promises promises;
        policy::MigrationCost cost;
        policy::Experience experience;
        policy::Stance stance = policy::Stance::open;
        bool alive = true, takes = true, ushering = false, ticking = false;
        uint32_t departing = 0, peak = 0, idle_ticks = 0, spare_ticks = 0;
        uint64_t room_wanted = 0;
        double end_planned_s = 1e300, ticked_s = 0, room_until_s = 0, drain_began_s = -1;
    };
    // A move, or a start elsewhere, from the first question to the arrival.
    struct Journey {
        JobIndex job = Machine::nobody;
        NodeIndex from = nowhere, to = nowhere;
        policy::Offer offer;
        std::vector<policy::Placement::Question> ask; // what is left to be asked
        bool placing = false, moving = false;
        uint32_t turn = 0; // a question that is late is not another one
        double work_s = 0, began_s = 0;
    };

    // --- world.cc
    void plan(double at_s, What what, uint32_t a, uint32_t b = 0);
    void handle(Event const& event);
    void arrive(JobIndex job);
    void start(JobIndex job, NodeIndex node, double work_s);
    double stop(JobIndex job);
    void plan_end(NodeIndex node);
    void end(NodeIndex node);
    void happen(Happens const& what);
    void kill(NodeIndex node);
    void lose(JobIndex job, NodeIndex dead);

    // --- nodes.cc
    void tick(NodeIndex node);
    void wake(NodeIndex node);
    void decide(NodeIndex node);
    void invite(NodeIndex node);
    void make_room(NodeIndex node, uint64_t bytes);
    void tell(NodeIndex node);
    Told told(NodeIndex node) const;
    NodeView view(NodeIndex node) const;
    policy::Snapshot snapshot(NodeIndex node);
    bool worth_deciding(NodeIndex node) const;
    double expected(Job const& job) const;
    void learn(Job const& job);
    void place_by_policy(JobIndex job);

    // --- journeys.cc
    uint32_t open_journey(JobIndex job, NodeIndex from);
    void close_journey(uint32_t journey);
    void ask_next(uint32_t journey);
    void hear_offer(uint32_t journey, uint32_t turn);
    void hear_answer(uint32_t journey, policy::Refusal refusal);
    void depart(uint32_t journey);
    void land(uint32_t journey);
    void send_at_once(JobIndex job, NodeIndex from, NodeIndex to, bool placing);
    double travel_time(Journey const& journey);

    // --- central.cc
    void central_step();
    NodeIndex least_crowded(double demand) const;
    void random_move(NodeIndex node);

    Scenario const& scenario_;
    Strategy strategy_;
    policy::Knobs knobs_;
    Jobs jobs_;
    Network network_;
    std::vector<Built> built_;
    std::unique_ptr<Board> board_;
    std::vector<Host> hosts_;
    std::vector<Journey> journeys_;
    std::vector<uint32_t> free_journeys_;
    std::priority_queue<Event> queue_;
    uint64_t order_ = 0;
    double now_s_ = 0, fastest_ = 1;
    uint32_t next_node_ = 0; // round robin
    size_t unfinished_ = 0;
    Totals totals_;
    std::string* log_ = nullptr;
    std::vector<NodeView> seen_;
    std::vector<policy::ProcessView> processes_;
};

} // namespace rove::sim
