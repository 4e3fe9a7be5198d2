// SPDX-License-Identifier: Apache-2.0
// Experience: the means.
#include "policy/experience.hh"

#include <algorithm>
#include <cmath>

namespace rove::policy {

namespace {

// A new run counts that much, or its part of all runs while they are few.
constexpr double share_least = 0.125;
constexpr double most_of_anything = 1e12;

void blend(double& mean, double value, double share) {
    mean += (value - mean) * share;
}

void blend(double& mean, bool& known, std::optional<double> value, double share) {
    if (!value) return;
    blend(mean, *value, known ? share : 1);
    known = true;
}

bool sane(double number) {
    return number >= 0 && number <= most_of_anything;
}

} // namespace

void Experience::learn(std::string const& executable, Run const& run) {
    if (!sane(run.cpu_s) || !sane(run.demand.value_or(0)) || !sane(run.calls.value_or(0))) return;
    auto [found, added] = by_name_.try_emplace(executable);
    if (added)
        found->second = all_.insert(all_.begin(), {executable, {}});
    else
        all_.splice(all_.begin(), all_, found->second);
    Expected& known = found->second->second;
    known.runs += 1;
    double share = std::max(1 / known.runs, share_least);
    blend(known.cpu_s, run.cpu_s, share);
    blend(known.demand, known.demand_known, run.demand, share);
    blend(known.calls, known.calls_known, run.calls, share);
    if (all_.size() <= most_) return;
    by_name_.erase(all_.back().first);
    all_.pop_back();
}

std::optional<Expected> Experience::expect(std::string const& executable, double runs) const {
    auto found = by_name_.find(executable);
    if (found == by_name_.end() || found->second->second.runs < runs) return std::nullopt;
    return found->second->second;
}

void Experience::recall(std::string executable, Expected const& expected) {
    bool good = sane(expected.runs) && sane(expected.cpu_s) && sane(expected.demand) &&
                sane(expected.calls);
    if (!good || all_.size() >= most_ || by_name_.contains(executable)) return;
    by_name_[executable] = all_.insert(all_.end(), {executable, expected});
}

} // namespace rove::policy
