// SPDX-License-Identifier: Apache-2.0
// Foreign: the difference.
#include "node/balance/foreign.hh"

#include <algorithm>
#include <utility>

namespace rove::node {

namespace {
// The two measurements are not of the same moments: less than that is none.
constexpr double difference_max = 0.5, difference_part = 0.1;
} // namespace

double Foreign::among(
    double runnable, std::map<pid_t, policy::Counted> const& counted, size_t beginners) {
    // One that is seen for the first time is taken to want a core, as everywhere.
    auto ours = static_cast<double>(beginners);
    std::map<pid_t, double> wanted;
    for (auto const& [pid, each] : counted) {
        wanted[pid] = each.passed_s > 0 ? each.wanted_s / each.passed_s : 0;
        // The kernel counts how long one has waited for a core when it has got it.
        auto before = before_.find(pid);
        ours += std::max(wanted[pid], before == before_.end() ? 0 : before->second);
    }
    // Who has ended or left since was among those that ran.
    for (auto const& [pid, each] : std::exchange(before_, wanted))
        if (!wanted.contains(pid)) ours += each;
    return std::max(0.0, runnable - ours * (1 + difference_part) - difference_max);
}

} // namespace rove::node
