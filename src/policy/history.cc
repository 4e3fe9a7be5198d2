// SPDX-License-Identifier: Apache-2.0
// History: the decay.
#include "policy/history.hh"

#include <algorithm>
#include <cmath>

namespace rove::policy {

namespace {
constexpr double half_life_s = 5;
constexpr double expected_s = 0.2;
constexpr size_t partners_max = 32;
constexpr double hardly_any = 0.1, messages_max = 1e7; // of one sample: nobody says more
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
    for (Talk& talk : talks_)
        blend(talk.messages, 0);
    std::erase_if(talks_, [](Talk const& each) { return each.messages < hardly_any; });
}

void History::talked(uint64_t partner, NodeIndex node, double messages) {
    auto found = std::find_if(
        talks_.begin(), talks_.end(), [&](Talk const& each) { return each.partner == partner; });
    if (found == talks_.end() && messages <= 0) return;
    if (found == talks_.end() && talks_.size() == partners_max)
        found = std::min_element(talks_.begin(), talks_.end(),
            [](Talk const& a, Talk const& b) { return a.messages < b.messages; });
    if (found == talks_.end()) found = talks_.insert(found, {partner, node, 0});
    if (found->partner != partner) *found = {partner, node, 0};
    found->node = node;
    found->messages += std::clamp(messages, 0.0, messages_max);
}

std::array<Partner, 2> History::partners() const {
    std::vector<Partner> nodes;
    for (Talk const& talk : talks_) {
        auto known = std::find_if(nodes.begin(), nodes.end(),
            [&](Partner const& each) { return each.node == talk.node; });
        if (known == nodes.end()) known = nodes.insert(known, {talk.node, 0});
        known->messages += static_cast<float>(per_cpu_second(talk.messages));
    }
    std::sort(nodes.begin(), nodes.end(),
        [](Partner const& a, Partner const& b) { return a.messages > b.messages; });
    std::array<Partner, 2> most;
    std::copy_n(nodes.begin(), std::min(nodes.size(), most.size()), most.begin());
    return most;
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
