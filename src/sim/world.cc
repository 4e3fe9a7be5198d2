// SPDX-License-Identifier: Apache-2.0
// World: the clock, and jobs that begin and end.
#include "sim/world.hh"

#include <algorithm>

#include "base/check.hh"
#include "sim/fast_board.hh"
#include "sim/gossip_board.hh"

namespace rove::sim {

namespace {
std::vector<Built> build(Scenario const& scenario) {
    std::vector<Built> built;
    for (NodeGroup const& group : scenario.nodes)
        built.insert(
            built.end(), group.count, {group.cores, group.speed, group.memory, group.features});
    return built;
}
} // namespace

World::World(Scenario const& scenario, Strategy const& strategy, Jobs jobs, uint64_t seed)
    : scenario_(scenario),
      strategy_(strategy),
      knobs_(scenario.knobs),
      jobs_(std::move(jobs)),
      network_(scenario.node_count(), scenario.delay_s, scenario.loss),
      built_(build(scenario)) {
    knobs_.rule = strategy.rule;
    if (scenario.real_gossip)
        board_ = std::make_unique<GossipBoard>(
            built_, network_, scenario.period_s, scenario.window, seed);
    else
        board_ = std::make_unique<FastBoard>(
            built_, network_, scenario.period_s, scenario.window, scenario.board_width, seed);
    hosts_.reserve(built_.size());
    for (NodeGroup const& group : scenario.nodes)
        for (uint32_t i = 0; i < group.count; ++i) {
            Host host{Machine(group.cores, group.speed, group.memory, scenario.thrash),
                policy::Random(seed, hosts_.size()), {}, {}, {}, {}, {}};
            host.alive = !group.absent;
            fastest_ = std::max(fastest_, group.speed);
            hosts_.push_back(std::move(host));
        }
    for (NodeIndex node = 0; node < hosts_.size(); ++node) {
        if (!hosts_[node].alive) board_->kill(node, 0);
        if (hosts_[node].alive) tell(node);
        wake(node);
    }
    for (JobIndex job = 0; job < jobs_.size(); ++job)
        plan(jobs_[job].submit_s, What::arrive, job);
    for (uint32_t i = 0; i < scenario.events.size(); ++i)
        plan(scenario.events[i].at_s, What::happen, i);
    if (strategy.moving == Moving::central) plan(scenario.period_s, What::central, 0);
    unfinished_ = jobs_.size();
}

void World::plan(double at_s, What what, uint32_t a, uint32_t b) {
    queue_.push({at_s, order_++, what, a, b});
}

void World::run() {
    while (unfinished_ > 0 && !queue_.empty()) {
        Event event = queue_.top();
        if (event.at_s > scenario_.limit_s) break;
        queue_.pop();
        now_s_ = event.at_s;
        ++totals_.events;
        handle(event);
    }
}

void World::handle(Event const& event) {
    switch (event.what) {
    case What::arrive:
        return arrive(event.a);
    case What::end:
        return end(event.a);
    case What::tick:
        return tick(event.a);
    case What::offer:
        return hear_offer(event.a, event.b);
    case What::answer:
        return hear_answer(event.a, static_cast<policy::Refusal>(event.b));
    case What::land:
        return land(event.a);
    case What::late:
        if (journeys_[event.a].turn != event.b || journeys_[event.a].moving) return;
        ++totals_.timed_out;
        return hear_answer(event.a, policy::Refusal::not_taking);
    case What::invite:
        if (!hosts_[event.a].alive || !network_.connects(event.a, event.b)) return;
        board_->hear(event.a, event.b, told(event.b), now_s_);
        return decide(event.a);
    case What::happen:
        return happen(scenario_.events[event.a]);
    case What::central:
        central_step();
        return plan(now_s_ + scenario_.period_s, What::central, 0);
    }
}

void World::arrive(JobIndex index) {
    Job& job = jobs_[index];
    if (!hosts_[job.home].alive) return lose(index, job.home);
    if (job.native) return start(index, job.home, job.work_s);
    switch (strategy_.placing) {
    case Placing::home:
        return start(index, job.home, job.work_s);
    case Placing::round_robin: {
        NodeIndex to = job.home;
        do
            to = next_node_++ % static_cast<uint32_t>(hosts_.size());
        while (!hosts_[to].alive);
        if (to == job.home) return start(index, to, job.work_s);
        return send_at_once(index, job.home, to, true);
    }
    case Placing::central: {
        NodeIndex to = least_crowded(job.demand);
        double here = policy::stretch(view(job.home), job.demand),
               there = policy::stretch(view(to), job.demand);
        if (there >= here) return start(index, job.home, job.work_s);
        return send_at_once(index, job.home, to, true);
    }
    case Placing::policy:
        return place_by_policy(index);
    case Placing::exec:
        start(index, job.home, job.work_s);
        return decide(job.home);
    }
}

void World::start(JobIndex index, NodeIndex node, double work_s) {
    Job& job = jobs_[index];
    Host& host = hosts_[node];
    job.state = JobState::running;
    job.host = node;
    job.here_since_s = now_s_;
    job.leaving = false;
    // Away, it also waits for its forwarded calls.
    double demand =
        node == job.home ? job.demand : 1 / (1 / job.demand + job.calls * network_.round_trip());
    host.machine.add(index, work_s, demand, job.memory, job.native, now_s_);
    host.peak = std::max(host.peak, static_cast<uint32_t>(host.machine.residents().size()));
    plan_end(node);
    wake(node);
}

double World::stop(JobIndex index) {
    Job& job = jobs_[index];
    double left = hosts_[job.host].machine.remove(index, now_s_);
    hosts_[job.host].load.gone(job.demand, now_s_ - job.here_since_s);
    plan_end(job.host);
    return left;
}

// An event that comes too early does no harm: it plans the next one.
void World::plan_end(NodeIndex node) {
    Host& host = hosts_[node];
    double at = host.machine.next_end();
    if (at >= host.end_planned_s || at > 1e300) return;
    host.end_planned_s = at;
    plan(at, What::end, node);
}

void World::end(NodeIndex node) {
    Host& host = hosts_[node];
    if (now_s_ < host.end_planned_s) return; // a later plan has replaced it
    host.end_planned_s = 1e300;
    for (JobIndex job; (job = host.machine.take_ended(now_s_)) != Machine::nobody;) {
        jobs_[job].state = JobState::done;
        jobs_[job].ended_s = now_s_;
        host.load.gone(jobs_[job].demand, now_s_ - jobs_[job].here_since_s);
        learn(jobs_[job]);
        --unfinished_;
    }
    plan_end(node);
}

void World::lose(JobIndex index, NodeIndex dead) {
    Job& job = jobs_[index];
    if (job.state == JobState::lost || job.state == JobState::done) return;
    if (dead != job.home && dead != job.host) ++totals_.lost_elsewhere;
    job.state = JobState::lost;
    job.ended_s = now_s_;
    --unfinished_;
}

// With it all that ran there, and all whose home it was, wherever they were.
void World::kill(NodeIndex node) {
    Host& host = hosts_[node];
    if (!host.alive) return;
    host.alive = false;
    board_->kill(node, now_s_);
    for (Machine::Resident const& resident : host.machine.residents())
        lose(resident.job, node);
    host.machine.clear();
    host.promises = {};
    for (JobIndex index = 0; index < jobs_.size(); ++index) {
        Job const& job = jobs_[index];
        if (job.home != node || job.state == JobState::due) continue;
        if (job.state == JobState::running) (void)stop(index);
        lose(index, node);
    }
}

void World::happen(Happens const& event) {
    auto count = static_cast<NodeIndex>(hosts_.size());
    NodeIndex last = std::min(count, event.first + event.count);
    if (event.what == Happening::heal) network_.heal();
    for (NodeIndex node = event.first; node < last; ++node) {
        Host& host = hosts_[node];
        switch (event.what) {
        case Happening::kill:
            kill(node);
            break;
        case Happening::drain:
            host.stance = policy::Stance::draining;
            host.drain_began_s = now_s_;
            host.takes = false;
            break;
        case Happening::block:
            host.takes = false;
            break;
        case Happening::join:
            host.alive = true;
            board_->start(node, now_s_);
            break;
        case Happening::split:
            network_.split_off(node);
            break;
        case Happening::heal:
            break;
        }
        if (!host.alive) continue;
        tell(node);
        wake(node);
    }
}

} // namespace rove::sim
