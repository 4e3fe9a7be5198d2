// SPDX-License-Identifier: Apache-2.0
// Load: see load.hh.
#include "node/sensors/load.hh"

#include <algorithm>

#include "base/clock.hh"

namespace rove::node {

double measure_speed() {
    // Dependent multiplications and additions: what the core does in order, whatever its caches.
    // The best of several tries, in thread CPU time, so that a quota or a neighbour does not count.
    constexpr uint64_t rounds = 200000;
    double best = 0;
    for (int attempt = 0; attempt < 8; ++attempt) {
        Nanos begin = clock_now(CLOCK_THREAD_CPUTIME_ID);
        uint64_t value = static_cast<uint64_t>(attempt) + 1;
        for (uint64_t i = 0; i < rounds; ++i) {
            value = value * 6364136223846793005u + 1442695040888963407u;
            __asm__ volatile("" : "+r"(value));
        }
        double seconds =
            std::chrono::duration<double>(clock_now(CLOCK_THREAD_CPUTIME_ID) - begin).count();
        if (seconds > 0) best = std::max(best, static_cast<double>(rounds) / seconds);
    }
    return best / 1e9;
}

} // namespace rove::node
