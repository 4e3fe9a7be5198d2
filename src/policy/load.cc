// SPDX-License-Identifier: Apache-2.0
// Load: the filters.
#include "policy/load.hh"

#include <cmath>

namespace rove::policy {

namespace {
// Short of that, another of its kind may follow soon: the time in which what is told falls to 1/e.
constexpr double settled_s = 7.5;
} // namespace

void LoadFilter::add(double sample, double passed_s) {
    lasts_s_ = sample > mine_ / 2 ? lasts_s_ + passed_s : 0;
    if (!begun_) {
        mine_ = told_ = sample;
        begun_ = true;
        return;
    }
    mine_ = sample > mine_ ? sample + (mine_ - sample) * std::pow(keep_rising, passed_s) : sample;
    told_ = sample < told_ ? sample + (told_ - sample) * std::pow(keep_falling, passed_s) : sample;
}

void LoadFilter::gone(double demand, double here_s) {
    if (here_s >= settled_s) told_ = std::max(0.0, told_ - demand);
}

double believed(NodeView const& node, double average, double fade_s) {
    double mean = average * node.cores;
    return mean + (node.load - mean) * std::exp(-node.age_s / fade_s);
}

} // namespace rove::policy
