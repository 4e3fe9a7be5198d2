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

// What one step of one process is drawn from: nothing but the seed, which process of its program it
// is, and which step. So the same seed makes the same storm, whatever else happens meanwhile.
inline std::mt19937_64 storm_random(uint64_t seed, uint64_t process, uint64_t step) {
    std::seed_seq mixed{seed & 0xffffffff, seed >> 32, process, step};
    return std::mt19937_64(mixed);
}

// One of the others; empty if there is none. Each node draws a number, so that it matters little
// which are there.
inline std::string storm_target(
    std::vector<std::string> const& nodes, std::string const& here, std::mt19937_64& random) {
    uint64_t draw = random(), least = 0;
    std::string chosen;
    for (std::string const& node : nodes) {
        if (node == here) continue;
        std::vector<uint32_t> mixed{static_cast<uint32_t>(draw), static_cast<uint32_t>(draw >> 32)};
        mixed.insert(mixed.end(), node.begin(), node.end());
        std::seed_seq seed(mixed.begin(), mixed.end());
        uint64_t number = std::mt19937_64(seed)();
        if (!chosen.empty() && number >= least) continue;
        least = number;
        chosen = node;
    }
    return chosen;
}

} // namespace rove::node
