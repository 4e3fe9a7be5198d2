// SPDX-License-Identifier: Apache-2.0
// Balancing: each second, and sooner when something happens, this node measures what runs on it,
// lets the policy decide (balance/), and sees to it that what was decided happens.
//
// A host decides about its guests as well; it asks their home to move them, since only home commits
// (relocating.cc).
#include <algorithm>

#include <boost/json.hpp>
#include <spdlog/spdlog.h>

#include "node/balance/figures.hh"
#include "node/node.hh"
#include "node/post_office.hh"
#include "node/proc.hh"
#include "node/reasons.hh"

namespace rove::node {

using wire::Place;

namespace {

constexpr Nanos period = std::chrono::seconds(1);
constexpr Nanos strain_period = std::chrono::seconds(4);
// Between two decisions at least, whatever happens.
constexpr Nanos breath = std::chrono::milliseconds(50);
constexpr unsigned tries_most = 3; // of targets in a second, after the first has refused
// Who could not be moved is not asked to move again for so long.
constexpr Nanos rest = std::chrono::seconds(10);
// What confines somebody is looked for again that often.
constexpr Nanos look_period = std::chrono::seconds(10);

double seconds(Nanos time) {
    return std::chrono::duration<double>(time).count();
}

// What a move cost the process is the time that it stood still. One that was long on its way has
// kept two nodes busy: it stays for as long again.
double cost_of_move(double lost_s, double took_s, policy::Knobs const& knobs) {
    constexpr double hardly_anything = 0.001; // 0 is for who has never been moved
    return std::max({lost_s, took_s / std::max(knobs.residence_moves, 1.0), hardly_anything});
}

} // namespace

Here Node::here() const {
    Here here;
    here.cores = cores_now();
    here.memory = memory_now();
    here.blocked = blocked_;
    here.departing = static_cast<uint32_t>(leaving_.size());
    return here;
}

bool Node::may_roam(Process const& process) const {
    auto program = programs_.find(process.program);
    bool storm = program != programs_.end() && program->second->wish.storm_ms > 0;
    return balancing_ && !draining_ && !drained_ && !process.locked && !storm;
}

uint64_t Node::memory_of(Process const& process, ProcStat const& stat) const {
    uint64_t resident = stat.resident_pages * 4096;
    auto program = programs_.find(process.program);
    bool root = program != programs_.end() && program->second->root == process.identity;
    return root ? std::max(resident, program->second->wish.memory) : resident;
}

std::optional<Tenant> Node::own_tenant(Process const& process) {
    auto stat = look_stat(process.pid());
    if (!stat || process.ended || process.place != Place::home || process.host != name_)
        return std::nullopt;
    Nanos now = monotonic_now();
    Tenant tenant;
    tenant.identity = process.identity;
    tenant.pid = process.pid();
    tenant.stays = !may_roam(process);
    Reason const* reason = find_reason(process.reason);
    tenant.confined = (reason && reason->passes != Passes::at_once) || !process.debuggers.empty();
    tenant.moving = process.moving || process.running || process.unsettled || process.turn.busy();
    tenant.here_s = seconds(now - std::max(process.born, process.last_move_ended));
    if (process.last_move_took > Nanos(0))
        tenant.moved_s = cost_of_move(
            seconds(process.last_move_lost), seconds(process.last_move_took), balance_.knobs());
    tenant.memory = memory_of(process, *stat);
    // Until more is known: a shell that waits for its children is no load.
    tenant.demand = stat->state == 'R' ? 1 : 0;
    // What was swapped out, too.
    tenant.memory = std::max(tenant.memory, sensor_.memory(process.pid()).value_or(0));
    wire::Offer need;
    say_cpu(need, promised_level(process));
    tenant.need = balance_.needs().bit_of(need);
    double away_s = static_cast<double>(process.tally.cpu_away_us) / 1e6;
    tenant.cpu_s = (seconds(ticks_to_time(stat->cpu_ticks)) + away_s) * speed_;
    if (auto expected = expected_of(process)) {
        tenant.expected = *expected;
        tenant.demand = expected->demand;
    }
    if (away_s > 0.1) {
        tenant.away_s = away_s;
        tenant.calls_rate = static_cast<double>(process.tally.forwarded_calls) / away_s;
    }
    return tenant;
}

Tenant Node::guest_tenant(Guest const& guest) {
    Nanos now = monotonic_now();
    Tenant tenant;
    tenant.identity = guest.identity;
    tenant.pid = guest.pid;
    tenant.stays = guest.stays;
    // Its home has yet to say what may be done with it.
    tenant.confined = !guest.terms_known;
    tenant.here_s = seconds(now - guest.arrived_at);
    tenant.moved_s =
        cost_of_move(guest.lost_s, seconds(guest.arrived_at - guest.offered), balance_.knobs());
    tenant.memory = guest.memory_bytes;
    tenant.calls = guest.calls;
    tenant.talks = guest.talks;
    tenant.need = balance_.needs().bit_of(guest.offer);
    tenant.cpu_s = guest.offer.cpu_s;
    tenant.demand = guest.offer.demand;
    tenant.expected.cpu_s = guest.expected_s;
    return tenant;
}

std::map<pid_t, std::vector<Talk>> Node::talks() {
    std::map<pid_t, std::vector<Talk>> all;
    for (auto const& [pid, told] : post_->talks())
        for (PostOffice::Talk const& each : told)
            all[pid].push_back(
                {each.with.incarnation, balance_.numbers().of(each.at), each.messages});
    for (auto& [pid, talks] : all)
        std::sort(talks.begin(), talks.end(),
            [](Talk const& a, Talk const& b) { return a.messages > b.messages; });
    return all;
}

void Node::see_tenants() {
    std::vector<Tenant> tenants;
    auto talks = this->talks();
    for (auto const& [pid, process] : processes_)
        if (auto tenant = own_tenant(*process)) {
            tenant->talks = std::move(talks[pid]);
            tenants.push_back(std::move(*tenant));
        }
    for (Guest const& guest : guests_->arrived())
        tenants.push_back(guest_tenant(guest));
    std::set<uint64_t> numbers;
    for (Tenant& tenant : tenants) {
        uint64_t number = balance_.numbers().of(tenant.identity);
        numbers.insert(number);
        tenant.moving |= leaving_.contains(number);
    }
    balance_.see(std::move(tenants));
    std::erase_if(
        guest_decisions_, [&](auto const& each) { return !numbers.contains(each.first); });
}

// Processes of Rove: what they want is counted as their own, or as nobody's.
std::set<pid_t> Node::own_pids() const {
    std::set<pid_t> pids;
    for (auto const& [pid, process] : processes_) {
        pids.insert(pid);
        pids.insert(process->steward_pid);
    }
    guests_->add_pids(pids);
    return pids;
}

// How many want a core here, whoever they are, and what that does to them.
Task<> Node::sense() {
    while (!ending_) {
        auto half_seconds = monotonic_now() / (period / 2);
        if (rests() && half_seconds % 2 == 0) {
            look_at_room(half_seconds % 4 == 0);
            co_await pause_to_beat(io_, period / 2);
            continue;
        }
        RunQueue::Step step = run_queue_->step(monotonic_now());
        if (step.runnable) {
            runnable_ = (runnable_ * runnable_samples_ + *step.runnable) / (runnable_samples_ + 1);
            ++runnable_samples_;
        }
        if (Nanos now = monotonic_now(); now - strained_ >= strain_period) {
            strain_.look(now);
            strained_ = now;
        }
        if (step.rest < period / 2)
            co_await pause(io_, step.rest);
        else
            co_await pause_to_beat(io_, step.rest);
    }
}

// A node at rest looks at one of both at a time, and in between at who wants a core, so that no run
// of its daemon is long.
void Node::look_at_room(bool of_memory) {
    if (of_memory) {
        recent_memory_.forget();
        (void)memory_now();
    } else {
        recent_cores_.forget();
        (void)cores_now();
    }
}

// What is left when those of Rove are taken away is foreign.
void Node::measure() {
    std::set<pid_t> pids = own_pids();
    for (Tenant const& tenant : balance_.tenants().all())
        pids.insert(tenant.pid);
    pids.erase(0);
    std::vector<pid_t> asked(pids.begin(), pids.end());
    auto counted = sensor_.sample(asked, monotonic_now());
    size_t beginners = 0;
    for (Tenant const& tenant : balance_.tenants().all()) {
        if (!counted.contains(tenant.pid)) ++beginners;
        if (sensor_.executed(tenant.pid)) balance_.tenants().executed(tenant.identity);
    }
    runnable_samples_ = 0;
    double foreign = foreign_.among(runnable_, counted, beginners);
    balance_.measure(counted, foreign, monotonic_now());
}

// Sooner than in a second.
void Node::hasten() {
    hastened_ = true;
    decision_due_.cancel();
}

// Somebody who was here for long is not any more: others need not wait for the next second.
void Node::offer_core() {
    see_tenants();
    if (policy::spare(balance_.load(), board_.own().cores)) hasten();
}

void Node::tell_departure(std::string const& host) {
    if (host == name_) return;
    balance_.left(host, monotonic_now());
    if (balance_.load() > board_.own().cores) hasten();
}

Task<> Node::balance() {
    Nanos measured{-1}, looked{};
    unsigned spare = 0;
    while (!ending_) {
        auto jitter = static_cast<int64_t>(random_() % 400) - 200;
        if (balance_.tenants().all().empty())
            decision_due_.expires_at(next_beat(period));
        else // not all nodes of a cluster at once
            decision_due_.expires_after(period + std::chrono::milliseconds(jitter));
        if (!hastened_) (void)co_await decision_due_.async_wait(no_throw);
        if (std::exchange(hastened_, false))
            co_await pause(io_, breath);
        else
            tried_again_ = 0;
        if (ending_) co_return;
        see_tenants();
        // Less is not enough to say what somebody wants.
        if (Nanos now = monotonic_now(); now - measured > period / 2) {
            for (auto const& [node, round_trip] : peers_->round_trips())
                balance_.saw_round_trip(node, round_trip, now);
            measure();
            measured = now;
            send_terms();
            refresh_own();
            save_experience(false);
            if (balancing_ && now - looked > look_period) {
                look_at_confined();
                looked = now;
            }
        }
        decide();
        bool idle = policy::spare(balance_.load(), board_.own().cores);
        spare = idle ? spare + 1 : 0;
        // Soon after a core became idle, and now and then as long as it is.
        if (idle && (spare <= 4 || spare % 8 == 0)) {
            refresh_own();
            auto told = balance_.invite(board_.members(monotonic_now()), here(), monotonic_now());
            for (std::string const& node : told)
                gossip_->tell(node);
        }
    }
}

void Node::look_at_confined() {
    std::vector<ProcessPtr> which;
    for (auto const& [pid, process] : processes_)
        if (!process->reason.empty()) which.push_back(process);
    if (!which.empty()) start(io_, look(std::move(which), true));
}

void Node::decide() {
    if (!balancing_ || balance_.tenants().all().empty()) return balance_.decide_nothing();
    Nanos now = monotonic_now();
    auto made = balance_.decide(board_.members(now), here(), now);
    for (policy::Note const& note : made.notes)
        tell_note(note);
    decision_log_.add(made.record, now);
    if (made.decision.room) ask_for_room(*made.decision.room);
    for (policy::Order const& order : made.decision.orders)
        obey(order);
}

void Node::tell_note(policy::Note const& note) {
    Tenant const* tenant = balance_.tenants().find(note.process);
    if (!tenant) return;
    std::string to = note.best == policy::nowhere ? "" : balance_.numbers().name(note.best);
    Decision decision = decision_of(note, monotonic_now(), name_, to);
    if (tenant->identity.home != name_)
        remember(guest_decisions_[note.process], std::move(decision));
    else if (auto process = find(tenant->identity.pid))
        remember(process->decisions, std::move(decision));
}

void Node::obey(policy::Order const& order) {
    Tenant const* tenant = balance_.tenants().find(order.process);
    if (!tenant) return;
    auto const* history = balance_.tenants().history(order.process);
    Motive motive;
    motive.why = order.why;
    // What is not about load is not judged by it.
    motive.stretch_max = order.stretch_max > 0 ? order.stretch_max : 1e9f;
    motive.demand = static_cast<float>(history->demand());
    motive.cpu_s = static_cast<float>(history->cpu_s() * speed_);
    motive.figures = figures_row(order.figures, policy::sentence(order.why));
    motive.figures["why"] = policy::word(order.why);
    std::string to = balance_.numbers().name(order.to);
    happenings_.add("decision", tenant->identity.pid, name_, to, motive.figures);
    spdlog::debug("{}:{} is to go to {}: {}", tenant->identity.home, tenant->identity.pid, to,
        policy::word(order.why));
    leaving_.insert(order.process);
    if (order.why == policy::Why::together) balance_.joins(order.process, order.to);
    start(io_, send_away(*tenant, to, std::move(motive)));
}

Task<> Node::send_away(Tenant tenant, std::string to, Motive motive) {
    Moved moved;
    auto process = tenant.identity.home == name_ ? find(tenant.identity.pid) : nullptr;
    if (process) {
        // The target need not be asked for what cannot leave.
        std::vector<ProcessPtr> only{process};
        // Nor is there time to look into what has just been executed.
        if (process->last_move_ended == Nanos(0) && !expected_of(*process))
            co_await look(std::move(only), true);
        Confined why = confined(*process);
        if (!why.reason.empty())
            moved = Moved::failed(3, why.text, why.reason);
        else
            moved = co_await move(process, to, process->asker, false, &motive);
    } else if (tenant.identity.home != name_) {
        moved = co_await relocate(tenant, to, motive);
    }
    uint64_t number = balance_.numbers().of(tenant.identity);
    leaving_.erase(number);
    balance_.has_joined(number);
    // A refusal for load is made good for by what it says of the load.
    if (!moved.ok && moved.refusal == policy::Refusal::none)
        balance_.tenants().rest(tenant.identity, monotonic_now() + rest);
    if (moved.ok) balance_.learn(tenant.memory, static_cast<double>(moved.lost_us()) / 1e6);
    see_tenants();
    // A refusal has said how much there is to do there. Another node may still be idle, but not all
    // of them are asked at once.
    bool known_better = moved.refusal != policy::Refusal::none;
    if (moved.ok || (known_better && tried_again_++ < tries_most)) hasten();
}

} // namespace rove::node
