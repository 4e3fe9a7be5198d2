// SPDX-License-Identifier: Apache-2.0
// History: the decay.
#include "policy/history.hh"

#include <algorithm>
#include <cmath>

namespace rove::policy {

namespace {
constexpr double half_life_s = 5;
constexpr double expected_s = 0.2;
} // namespace

void History::add(Counted const& sample) {
    if (!(sample.passed_s > 0)) return;
    cpu_s_ += sample.cpu_s;
    age_s_ += sample.passed_s;
    double keep = std::exp2(-sample.passed_s / half_life_s);
    auto blend = [&](double& sum, double count) { sum = keep * sum + count; };
    blend(seconds_, sample.passed_s);
    blend(recent_cpu_, sample.cpu_s);
    blend(wanted_, sample.wanted_s);
    blend(faults_, sample.faults);
    blend(bytes_, sample.read_written);
    blend(calls_, sample.calls);
    blend(messages_, sample.messages);
}

double History::demand() const {
    // Who sleeps between his turns would sleep as long if he never had to wait for them: an
    // interactive program in a crowd is not a busy one.
    double slept = std::max(0.0, seconds_ - wanted_);
    double seen = slept > 0 ? recent_cpu_ / (recent_cpu_ + slept) * seconds_ : wanted_;
    // What is expected counts as much as a short look does.
    return (seen + expected_s * expected_demand_) / (seconds_ + expected_s);
}

} // namespace rove::policy
