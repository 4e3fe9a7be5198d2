// SPDX-License-Identifier: Apache-2.0
// Gossip trial: how old the entries of the real gossip are, and how fast a death is known, against
// theory.
#pragma once

#include <cstddef>
#include <cstdint>

namespace rove::sim {

struct GossipTrial {
    size_t nodes = 0, window = 0; // nodes that are alive
    // Of all entries about nodes that are alive, in steps.
    double average_age = 0, average_by_theory = 0;
    double maximum_age = 0, maximum_by_theory = 0; // the mean over viewers of their oldest
    double messages_per_step = 0;                  // of each node
    double death_steps = 0, death_limit_steps = 0; // until everybody knows of one; 2 log2 N
};

// `half_dead`: as many again are dead, and known to be, before anything is measured.
GossipTrial try_gossip(size_t nodes, size_t window, bool half_dead, uint64_t seed);

} // namespace rove::sim
