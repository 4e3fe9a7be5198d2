// SPDX-License-Identifier: Apache-2.0
// False alarms: how often the real gossip takes somebody for suspect or dead who lives, where
// datagrams are lost and nodes are slow.
#pragma once

#include <cstddef>
#include <cstdint>

namespace rove::sim {

struct FalseAlarms {
    double seconds = 0;                // of virtual time
    uint64_t pauses = 0;               // that there were
    uint64_t suspicions = 0, dead = 0; // whenever a node begins to see another one so
};

// `loss`: part of all datagrams. `pause_s`: now and then a node neither hears nor says anything for
// that long; 0: never.
FalseAlarms try_false_alarms(
    size_t nodes, double loss, double pause_s, double seconds, uint64_t seed);

} // namespace rove::sim
