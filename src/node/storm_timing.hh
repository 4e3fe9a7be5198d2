// SPDX-License-Identifier: Apache-2.0
// Storm timing: when and where a process that is under `--storm` goes next. Pure.
#pragma once

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "base/clock.hh"

namespace rove::node {

// A pause between 0 and twice the mean, but not shorter than the last move took: so at most half of
// the time is spent moving.
inline Nanos storm_pause(int64_t mean_ms, Nanos last_took, std::mt19937_64& random) {
    auto span = static_cast<uint64_t>(2 * mean_ms) * 1000000 + 1;
    return std::max(Nanos(static_cast<int64_t>(random() % span)), last_took);
}

// One of the others; empty if there is none.
inline std::string storm_target(std::vector<std::string> const& nodes, std::string const& here, std::mt19937_64& random) {
    std::vector<std::string> others;
    for (std::string const& node : nodes)
        if (node != here) others.push_back(node);
    return others.empty() ? "" : others[random() % others.size()];
}

} // namespace rove::node
