// SPDX-License-Identifier: Apache-2.0
// Balance: snapshots, and what is kept between them.
#include "node/balance/balance.hh"

#include <algorithm>
#include <cmath>
#include <utility>

#include "policy/invite.hh"

namespace rove::node {

namespace {

// A short measurement differs that much between equal cores; a move for less would be for nothing.
constexpr double speeds_alike = 0.15;
// The kernel brings a group's figures up to date every two seconds.
constexpr Nanos freed_unseen = std::chrono::seconds(3);
constexpr Nanos room_kept = std::chrono::seconds(10), shunned_for = std::chrono::seconds(10);

double seconds(Nanos time) {
    return std::chrono::duration<double>(time).count();
}

} // namespace

Balance::Balance(
    std::string const& name, Cpu cpu, double speed, policy::Knobs const& knobs, uint64_t seed)
    : name_(name),
      cpu_(std::move(cpu)),
      speed_(speed),
      knobs_(knobs),
      random_(seed),
      numbers_(name),
      tenants_(numbers_, speed) {}

// ---- what is measured and heard

// That somebody has ended is told at once: a core is free.
void Balance::see(std::vector<Tenant> tenants) {
    tenants_.set(std::move(tenants));
    for (Tenants::Gone const& each : tenants_.take_gone())
        load_.gone(each.demand, each.here_s);
}

void Balance::measure(std::map<pid_t, policy::Counted> const& counted, double foreign, Nanos now) {
    double passed = measured_.count() < 0 ? 1 : seconds(now - measured_);
    measured_ = now;
    tenants_.count(counted);
    cost_.fade(passed);
    promises_.expire(seconds(now));
    // Who has just begun may be ours and not known yet: what was there before as well counts.
    foreign_now_ = std::min(foreign, std::exchange(foreign_before_, foreign));
    foreign_.add(foreign_now_, passed);
    load_.add(present(), passed);
    std::erase_if(freed_, [&](Freed const& each) { return now - each.at > freed_unseen; });
    std::erase_if(shunned_, [&](auto const& each) { return each.second <= now; });
}

void Balance::hear(std::string const& node, double load, uint64_t memory_free, Nanos now) {
    heard_[node] = {now, load, memory_free};
}

void Balance::refused(std::string const& node, double load, uint64_t memory_free, Nanos now) {
    hear(node, load, memory_free, now);
    tails_.erase(node);
}

void Balance::left(std::string const& node, Nanos now) {
    tails_[node].left(1, seconds(now));
}

void Balance::came(std::string const& node, Nanos now) {
    tails_[node].came(1, seconds(now));
}

void Balance::shun(std::string const& node, Nanos now) {
    shunned_[node] = now + shunned_for;
}

void Balance::want_room(uint64_t bytes, Nanos now) {
    room_wanted_ = bytes;
    room_until_ = now + room_kept;
}

void Balance::freed(uint64_t bytes, Nanos now) {
    freed_.push_back({now, bytes});
}

double Balance::present() const {
    return foreign_now_ + tenants_.demand(Tenants::Leaving::counted);
}

bool Balance::owned(double cores) const {
    return knobs_.owner_share > 0 && foreign_.mine() >= knobs_.owner_share * cores;
}

// ---- what is told

// Promises count at once; what falls is believed slowly.
double Balance::load() const {
    return std::max(load_.told(), present()) + promises_.load();
}

bool Balance::crowded(double cores, Nanos now) const {
    return ushering_ || now < room_until_ || owned(cores);
}

// ---- what is seen

policy::NodeView Balance::self(Here const& here, double load) const {
    policy::NodeView view;
    view.node = 0;
    view.load = static_cast<float>(load);
    view.cores = static_cast<float>(here.cores);
    view.speed = static_cast<float>(speed_);
    view.takes = !here.blocked && !owned(here.cores);
    view.memory_total = here.memory.total;
    view.memory_free = here.memory.free;
    view.features = needs_.met_by(cpu_, name_);
    return view;
}

policy::NodeView Balance::view_of(Member const& member, Nanos now) {
    Bulletin const& bulletin = *member.bulletin;
    policy::NodeView view;
    view.node = numbers_.of(member.name);
    view.age_s = static_cast<float>(seconds(member.age.value_or(Nanos(0))));
    view.load = static_cast<float>(bulletin.load * bulletin.cores);
    view.cores = static_cast<float>(bulletin.cores);
    bool alike = std::abs(bulletin.speed - speed_) <= speeds_alike * speed_;
    view.speed = static_cast<float>(alike ? speed_ : bulletin.speed);
    view.takes = member.state == MemberState::up && !shunned_.contains(member.name);
    view.crowded = bulletin.crowded;
    view.deserted = !joins_.may_go(view.node, seconds(now));
    view.memory_total = bulletin.memory_total;
    view.memory_free = bulletin.memory_free;
    view.memory_movable = bulletin.memory_movable;
    view.features = needs_.met_by({bulletin.cpu_features, {}}, member.name);
    view.round_trip_s = round_trips_.seconds(member.name);
    auto word = heard_.find(member.name);
    if (word != heard_.end() && seconds(now - word->second.at) < view.age_s) {
        view.age_s = static_cast<float>(seconds(now - word->second.at));
        view.load = static_cast<float>(word->second.load);
        view.memory_free = std::min(word->second.memory_free, view.memory_total);
    }
    if (auto tail = tails_.find(member.name); tail != tails_.end())
        view.load = std::max(0.0f, view.load - static_cast<float>(tail->second.at(seconds(now))));
    return view;
}

std::vector<policy::NodeView> Balance::others(std::vector<Member> const& members, Nanos now) {
    std::vector<policy::NodeView> views;
    for (Member const& member : members)
        if (member.name != name_ && member.bulletin &&
            (member.state == MemberState::up || member.state == MemberState::blocked))
            views.push_back(view_of(member, now));
    return views;
}

// Promises come soon, what is not ours by what it was on average, who leaves is gone.
policy::Snapshot Balance::look(std::vector<policy::NodeView> const& nodes, Here const& here) {
    policy::Snapshot snapshot;
    double load = foreign_.mine() + promises_.load() + tenants_.demand(Tenants::Leaving::left_out);
    snapshot.self = self(here, load);
    for (Freed const& each : freed_)
        snapshot.self.memory_free += each.bytes;
    snapshot.self.memory_free = std::min(snapshot.self.memory_free, snapshot.self.memory_total);
    snapshot.foreign = static_cast<float>(foreign_.mine());
    snapshot.foreign_lasts_s = static_cast<float>(foreign_.lasts_s());
    snapshot.fastest = snapshot.self.speed;
    for (policy::NodeView const& node : nodes)
        if (node.takes) snapshot.fastest = std::max(snapshot.fastest, node.speed);
    snapshot.stance = here.stance;
    snapshot.ushering = ushering_;
    snapshot.departing = here.departing;
    snapshot.room_wanted = room_wanted_;
    snapshot.cost = cost_;
    snapshot.nodes = nodes;
    return snapshot;
}

// ---- what is decided

Balance::Decided Balance::decide(std::vector<Member> const& members, Here const& here, Nanos now) {
    auto nodes = others(members, now);
    auto processes = tenants_.views(now);
    policy::Snapshot snapshot = look(nodes, here);
    snapshot.processes = processes;
    policy::Knobs knobs = knobs_;
    // Who is sent away by an administrator need not wait for others to be gone.
    if (here.stance != policy::Stance::open) knobs.departures_max = 1e6;
    uint64_t seed = random_.next();
    policy::Random random(seed);
    Decided made;
    made.decision = policy::decide(snapshot, knobs, random, &made.notes);
    made.record = policy::make_record(snapshot, knobs, seed, seconds(now), made.decision);
    ushering_ = made.decision.ushering;
    room_wanted_ = 0;
    return made;
}

policy::Placement Balance::place(
    std::vector<Member> const& members, Here const& here, policy::ProcessView newcomer, Nanos now) {
    auto nodes = others(members, now);
    policy::Snapshot snapshot = look(nodes, here);
    // What runs here at this moment is in the way of a program that begins, itself left out.
    auto const* own = tenants_.history(newcomer.id);
    double load = std::max<double>(snapshot.self.load, present()) - (own ? own->demand() : 0);
    snapshot.self.load = static_cast<float>(std::max(load, 0.0));
    return policy::place(snapshot, newcomer, knobs_, random_);
}

std::vector<std::string> Balance::invite(
    std::vector<Member> const& members, Here const& here, Nanos now) {
    if (crowded(here.cores, now) || here.blocked || promises_.arriving() > 0) return {};
    auto nodes = others(members, now);
    policy::Snapshot snapshot = look(nodes, here);
    snapshot.self.load = static_cast<float>(load());
    std::vector<std::string> told;
    for (policy::NodeIndex node : policy::invite(snapshot, knobs_, random_))
        told.push_back(numbers_.name(node));
    return told;
}

policy::Refusal Balance::answer(wire::Offer const& said, Here const& here, Nanos now) {
    auto sane = [](float number, float most) {
        return std::isfinite(number) ? std::clamp(number, 0.0f, most) : most;
    };
    policy::Offer offer;
    offer.process = numbers_.of(said.identity);
    offer.from = numbers_.of(said.from);
    offer.demand = sane(said.demand, 1e4f);
    offer.stretch_max = sane(said.stretch_max, 1e9f);
    offer.memory = said.memory_bytes;
    offer.why = static_cast<policy::Why>(said.why);
    // Who is wanted here by somebody is judged by what is granted alone.
    offer.own = said.automatic == 0;
    bool joins = offer.why == policy::Why::together;
    if (joins && !joins_.may_come(offer.from)) return policy::Refusal::busy;
    double load = foreign_.mine() + tenants_.demand(Tenants::Leaving::counted);
    auto refusal = promises_.answer(offer, self(here, load), knobs_, seconds(now));
    if (joins && refusal == policy::Refusal::none) joins_.comes(offer.from, seconds(now));
    return refusal;
}

} // namespace rove::node
