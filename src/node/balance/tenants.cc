// SPDX-License-Identifier: Apache-2.0
// Tenants: keeping histories, and the view that the policy gets.
#include "node/balance/tenants.hh"

#include <algorithm>
#include <cmath>

#include "base/check.hh"

namespace rove::node {

namespace {
constexpr double known_s = 1.5; // of a process: two samples at least
constexpr double just_now_s = 0.001;
// What was learnt of a process when it was away is half forgotten after so long, or after so many
// times the CPU time in which it was: one that has only begun there need not be as it was then.
constexpr double half_forgotten_s = 60, half_forgotten_times = 20;
} // namespace

void Tenants::set(std::vector<Tenant> all) {
    std::map<uint64_t, Kept> kept;
    for (Tenant const& tenant : all) {
        uint64_t number = numbers_.of(tenant.identity);
        auto known = kept_.find(number);
        if (known != kept_.end() && known->second.start_time == tenant.identity.start_time)
            kept[number] = known->second;
        else
            kept[number] = {policy::History(tenant.cpu_s / speed_, tenant.demand), tenant.calls,
                tenant.identity.start_time, Nanos(0), {}};
    }
    for (auto const& [number, known] : kept_)
        if (!kept.contains(number))
            gone_.push_back({known.history.demand(), known.history.age_s()});
    kept_ = std::move(kept);
    all_ = std::move(all);
}

double Tenants::remembered_calls(Tenant const& tenant) {
    if (tenant.away_s <= 0) return 0;
    double half_s = std::min(half_forgotten_s, half_forgotten_times * tenant.away_s);
    return tenant.calls_rate * std::exp2(-tenant.here_s / half_s);
}

void Tenants::count(std::map<pid_t, policy::Counted> const& counted) {
    for (Tenant const& tenant : all_) {
        auto found = counted.find(tenant.pid);
        // What began before it came tells how it waited for its memory.
        if (found == counted.end() || found->second.passed_s > tenant.here_s) continue;
        Kept& known = kept_[numbers_.of(tenant.identity)];
        policy::Counted sample = found->second;
        // A guest's home counts them. Nobody counts at home, so what was learnt away holds there,
        // or it would be sent to and fro; less and less, since what a program does changes.
        bool guest = numbers_.of(tenant.identity.home) != 0;
        if (guest)
            sample.calls = static_cast<double>(tenant.calls - std::min(tenant.calls, known.calls));
        else
            sample.calls = std::max(sample.calls, remembered_calls(tenant) * sample.cpu_s);
        known.calls = tenant.calls;
        known.history.add(sample);
        count_talks(tenant, known);
    }
}

// What a partner has heard when it is seen for the first time is of some earlier time.
void Tenants::count_talks(Tenant const& tenant, Kept& known) {
    std::map<uint64_t, uint64_t> messages;
    for (Talk const& talk : tenant.talks) {
        auto before = known.messages.find(talk.partner);
        uint64_t heard = before == known.messages.end() ? talk.messages : before->second;
        known.history.talked(talk.partner, talk.at,
            static_cast<double>(talk.messages - std::min(heard, talk.messages)));
        messages[talk.partner] = talk.messages;
    }
    known.messages = std::move(messages);
}

void Tenants::executed(wire::Identity const& identity) {
    if (auto known = kept_.find(numbers_.of(identity)); known != kept_.end())
        known->second.history.executed();
}

void Tenants::rest(wire::Identity const& identity, Nanos until) {
    if (auto known = kept_.find(numbers_.of(identity)); known != kept_.end())
        known->second.rests_until = until;
}

Tenants::Kept const& Tenants::kept(Tenant const& tenant) const {
    auto found = kept_.find(numbers_.of(tenant.identity));
    CHECK(found != kept_.end());
    return found->second;
}

Tenant const* Tenants::find(uint64_t number) const {
    auto found = std::find_if(all_.begin(), all_.end(),
        [&](Tenant const& each) { return numbers_.of(each.identity) == number; });
    return found == all_.end() ? nullptr : &*found;
}

policy::History const* Tenants::history(uint64_t number) const {
    auto found = kept_.find(number);
    return found == kept_.end() ? nullptr : &found->second.history;
}

std::vector<policy::ProcessView> Tenants::views(Nanos now) const {
    std::vector<policy::ProcessView> views;
    for (Tenant const& tenant : all_) {
        Kept const& known = kept(tenant);
        policy::ProcessView view;
        view.id = numbers_.of(tenant.identity);
        view.home = numbers_.of(tenant.identity.home);
        view.cpu_s = static_cast<float>(known.history.cpu_s() * speed_);
        view.demand = static_cast<float>(known.history.demand());
        view.here_s = static_cast<float>(tenant.here_s);
        // Who has just begun is let be like who has just arrived, unless it is known what to
        // expect.
        bool known_well = known.history.age_s() >= known_s;
        bool expected = view.cpu_s < tenant.expected.cpu_s;
        view.moved_s =
            static_cast<float>(known_well ? tenant.moved_s : std::max(tenant.moved_s, just_now_s));
        if (expected) view.moved_s = 0;
        view.expected_s = static_cast<float>(tenant.expected.cpu_s);
        view.calls =
            static_cast<float>(std::max(known.history.calls_per_cpu_s(), tenant.expected.calls));
        view.guest = view.home != 0;
        view.stays = tenant.stays;
        view.confined = tenant.confined || now < known.rests_until;
        view.moving = tenant.moving;
        view.memory = tenant.memory;
        view.features = tenant.need;
        view.partners = known.history.partners();
        views.push_back(view);
    }
    return views;
}

double Tenants::demand(Leaving leaving) const {
    double sum = 0;
    for (Tenant const& tenant : all_)
        if (!tenant.moving || leaving == Leaving::counted) sum += kept(tenant).history.demand();
    return sum;
}

uint64_t Tenants::memory_movable() const {
    uint64_t sum = 0;
    for (Tenant const& tenant : all_)
        if (!tenant.moving && !tenant.confined && !tenant.stays) sum += tenant.memory;
    return sum;
}

} // namespace rove::node
