// SPDX-License-Identifier: Apache-2.0
// Knobs: what can be set about the gossip. One step is the unit of all formulas.
#pragma once

#include <cstddef>

#include "gossip/statement.hh"

namespace rove::gossip {

/// Whom a step's message goes to.
enum class Algorithm : uint8_t {
    reg,      // anybody, the dead too, and nobody answers: deaths are noticed by age alone
    mindead,  // somebody alive; about one message a step, of all nodes together, goes to the dead
    pushpull, // as mindead, and every second step asks the one whose entry is the oldest
};

struct Knobs {
    Algorithm algorithm = Algorithm::mindead;
    Millis step = 500; // ± 20 %
    /// The window is the smallest between these two that reaches the wished ages; 0: no wish.
    size_t window_min = 20, window_max = 46;
    Millis average_age = 10000, maximum_age = 0;
    /// Not a fixed number of entries, but all up to this age (window_max at most); 0: fixed.
    Millis up_to_age = 0;
    /// While the cluster has no more nodes than this a step's message goes to the one of whom least
    /// is known, not to anybody; and if something has just been heard of everybody, to nobody.
    size_t small_cluster = 8;
    /// Of other groups only entries up to this age are kept, and a few windows full of them.
    Millis far_age = 30000;
};

} // namespace rove::gossip
