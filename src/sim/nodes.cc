// SPDX-License-Identifier: Apache-2.0
// World: what each node does in a period: measure, tell, decide.
#include <algorithm>
#include <string>

#include "policy/invite.hh"
#include "policy/load.hh"
#include "policy/record.hh"
#include "sim/world.hh"

namespace rove::sim {

namespace {
constexpr double mb = 1 << 20;
constexpr double room_kept_s = 10;
constexpr uint32_t asleep_after = 64; // idle periods
} // namespace

void World::tick(NodeIndex node) {
    Host& host = hosts_[node];
    // Who has had nothing to do for long sleeps until it has: it would say the same all the time.
    host.ticking = host.idle_ticks < asleep_after || host.drain_began_s >= 0;
    if (!host.alive) host.ticking = false;
    if (!host.ticking) return;
    plan(now_s_ + scenario_.period_s * (0.8 + 0.4 * host.random.part()), What::tick, node);
    double passed = now_s_ - host.ticked_s;
    host.ticked_s = now_s_;
    host.cost.fade(passed);
    host.promises.expire(now_s_);
    host.load.add(host.machine.load(), passed);
    host.native.add(host.machine.native_load(), passed);
    tell(node);
    if (strategy_.moving == Moving::random) return random_move(node);
    if (strategy_.moving != Moving::policy) return;
    decide(node);
    bool idle = policy::spare(host.machine.load(), host.machine.cores());
    host.idle_ticks =
        host.machine.residents().empty() && host.promises.arriving() == 0 ? host.idle_ticks + 1 : 0;
    // Soon after a core became idle, and now and then as long as it is.
    host.spare_ticks = idle ? host.spare_ticks + 1 : 0;
    if (idle && (host.spare_ticks <= 4 || host.spare_ticks % 8 == 0)) invite(node);
    if (host.drain_began_s >= 0 && host.machine.residents().empty() && host.departing == 0) {
        totals_.drained_s = std::max(totals_.drained_s, now_s_ - host.drain_began_s);
        host.drain_began_s = -1;
    }
}

Told World::told(NodeIndex node) const {
    Host const& host = hosts_[node];
    Told told;
    // Promises count at once; what falls is believed slowly.
    told.load =
        static_cast<float>(std::max(host.load.told(), host.machine.load()) + host.promises.load());
    bool owned =
        knobs_.owner_share > 0 && host.native.mine() >= knobs_.owner_share * host.machine.cores();
    told.takes = host.alive && host.takes && !owned;
    told.crowded = host.ushering || now_s_ < host.room_until_s;
    uint64_t free = host.machine.memory_free(), promised = std::min(free, host.promises.memory());
    told.memory_free_mb = static_cast<uint32_t>(static_cast<double>(free - promised) / mb);
    uint64_t movable = 0;
    for (Machine::Resident const& resident : host.machine.residents())
        movable += resident.native ? 0 : resident.memory;
    told.memory_movable_mb = static_cast<uint32_t>(static_cast<double>(movable) / mb);
    return told;
}

void World::wake(NodeIndex node) {
    Host& host = hosts_[node];
    host.idle_ticks = 0;
    if (host.ticking || !host.alive) return;
    host.ticking = true;
    host.ticked_s = now_s_;
    plan(now_s_ + scenario_.period_s * host.random.part(), What::tick, node);
}

void World::tell(NodeIndex node) {
    board_->tell(node, told(node), now_s_);
}

// As the node itself sees it at this moment, without promises.
NodeView World::view(NodeIndex node) const {
    Host const& host = hosts_[node];
    NodeView view = view_of(node, built_[node], told(node), 0);
    view.load = static_cast<float>(host.machine.load());
    view.memory_free = host.machine.memory_free();
    return view;
}

policy::Snapshot World::snapshot(NodeIndex node) {
    Host& host = hosts_[node];
    policy::Snapshot snapshot;
    snapshot.self = view(node);
    snapshot.foreign = static_cast<float>(host.native.mine());
    snapshot.foreign_lasts_s = static_cast<float>(host.native.lasts_s());
    snapshot.fastest = static_cast<float>(fastest_);
    snapshot.stance = host.stance;
    snapshot.ushering = host.ushering;
    snapshot.departing = host.departing;
    snapshot.room_wanted = host.room_wanted;
    snapshot.cost = host.cost;
    board_->see(node, now_s_, seen_);
    for (NodeView& other : seen_)
        other.round_trip_s = static_cast<float>(network_.round_trip());
    snapshot.nodes = seen_;
    // Promises come soon, natives by what they were on average, who leaves is gone.
    double load = host.native.mine() + host.promises.load();
    processes_.clear();
    for (Machine::Resident const& resident : host.machine.residents()) {
        if (resident.native) continue;
        Job const& job = jobs_[resident.job];
        policy::ProcessView process;
        process.id = resident.job;
        process.home = job.home;
        process.cpu_s = static_cast<float>(
            std::max(0.0, job.work_s - host.machine.work_left(resident, now_s_)));
        process.expected_s = static_cast<float>(expected(job));
        process.demand = resident.demand;
        process.here_s = static_cast<float>(now_s_ - job.here_since_s);
        process.moved_s = job.moved_s;
        process.calls = job.calls;
        process.guest = job.home != node;
        process.moving = job.leaving;
        process.memory = job.memory;
        process.features = 1;
        processes_.push_back(process);
        if (!job.leaving) load += resident.demand;
    }
    snapshot.self.load = static_cast<float>(load);
    snapshot.processes = processes_;
    return snapshot;
}

void World::learn(Job const& job) {
    if (strategy_.placing != Placing::exec || job.kind == 0) return;
    policy::Run run{job.work_s, job.demand, {}};
    if (job.moves > 0) run.calls = job.calls;
    hosts_[job.home].experience.learn(std::to_string(job.kind), run);
}

// What its like used, until it has been moved.
double World::expected(Job const& job) const {
    if (strategy_.placing != Placing::exec || job.kind == 0 || job.moves > 0) return 0;
    auto known = hosts_[job.home].experience.expect(std::to_string(job.kind), knobs_.exec_runs);
    return known ? known->cpu_s : 0;
}

// Most nodes have nothing to decide most of the time.
bool World::worth_deciding(NodeIndex node) const {
    Host const& host = hosts_[node];
    Machine const& machine = host.machine;
    bool short_of_memory = machine.memory_free() < machine.memory_total() / 8 || host.ushering;
    return machine.load() > machine.cores() || fastest_ > machine.speed() * 1.05 ||
           short_of_memory || host.stance != policy::Stance::open || host.room_wanted > 0 ||
           machine.native_load() > 0;
}

void World::decide(NodeIndex node) {
    Host& host = hosts_[node];
    if (strategy_.moving != Moving::policy || host.machine.residents().empty() ||
        !worth_deciding(node)) {
        host.room_wanted = 0;
        return;
    }
    ++totals_.decisions;
    policy::Snapshot seen = snapshot(node);
    uint64_t seed = host.random.next();
    policy::Random random(seed);
    policy::Decision decision = policy::decide(seen, knobs_, random);
    if (log_)
        *log_ += policy::encode_record(policy::make_record(seen, knobs_, seed, now_s_, decision));
    host.ushering = decision.ushering;
    host.room_wanted = 0;
    if (decision.room && network_.connects(node, decision.room->node))
        make_room(decision.room->node, decision.room->bytes);
    for (policy::Order const& order : decision.orders) {
        auto job = static_cast<JobIndex>(order.process);
        uint32_t journey = open_journey(job, node);
        jobs_[job].leaving = true;
        ++host.departing;
        Journey& opened = journeys_[journey];
        opened.ask = {{order.to, order.stretch_max}};
        opened.offer.why = order.why;
        ask_next(journey);
    }
}

// What leaves for the sake of a larger one must not be replaced by others meanwhile.
void World::make_room(NodeIndex node, uint64_t bytes) {
    Host& host = hosts_[node];
    host.room_wanted = bytes;
    host.room_until_s = now_s_ + room_kept_s;
    tell(node);
}

void World::invite(NodeIndex node) {
    Host& host = hosts_[node];
    if (!host.takes || now_s_ < host.room_until_s || host.promises.arriving() > 0) return;
    policy::Snapshot seen;
    seen.self = view(node);
    board_->see(node, now_s_, seen_);
    seen.nodes = seen_;
    for (NodeIndex other : policy::invite(seen, knobs_, host.random))
        if (!network_.loses(host.random))
            plan(now_s_ + network_.delay(host.random), What::invite, other, node);
}

void World::place_by_policy(JobIndex index) {
    Job& job = jobs_[index];
    Host& host = hosts_[job.home];
    policy::ProcessView newcomer;
    newcomer.id = index;
    newcomer.home = job.home;
    newcomer.demand = job.demand;
    newcomer.memory = job.memory;
    newcomer.features = 1;
    policy::Placement placement;
    bool simple = host.machine.load() + job.demand <= host.machine.cores() &&
                  fastest_ <= host.machine.speed() * 1.05 &&
                  job.memory < host.machine.memory_free() / 2 &&
                  host.stance == policy::Stance::open;
    if (!simple && job.demand >= knobs_.interactive) {
        policy::Snapshot seen = snapshot(job.home);
        seen.self.load = static_cast<float>(host.machine.load() + host.promises.load());
        placement = policy::place(seen, newcomer, knobs_, host.random);
    }
    if (placement.ask.empty()) return start(index, job.home, job.work_s);
    uint32_t journey = open_journey(index, job.home);
    Journey& opened = journeys_[journey];
    opened.placing = true;
    opened.ask = std::move(placement.ask);
    job.state = JobState::placing;
    ask_next(journey);
}

} // namespace rove::sim
