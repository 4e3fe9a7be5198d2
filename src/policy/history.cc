// SPDX-License-Identifier: Apache-2.0
// History: the decay.
#include "policy/history.hh"

#include <cmath>

namespace rove::policy {

namespace {
constexpr double half_life_s = 5;
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
    // Nothing is known of a new one: it may want a core for itself.
    return age_s_ > 0 ? per_second(wanted_) : 1;
}

} // namespace rove::policy
