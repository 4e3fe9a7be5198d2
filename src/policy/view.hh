// SPDX-License-Identifier: Apache-2.0
// View: all that a decision is made from. Plain values; whoever runs the policy fills them in.
//
// Loads count processes that want a core; speeds are relative to a reference core; all times are
// seconds and nobody's clock is compared with another's. `demand` is the part of a core that a
// process would use if it had one to itself (more than 1 with several threads).
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "policy/cost.hh"

namespace rove::policy {

using NodeIndex = uint32_t;
constexpr NodeIndex nowhere = UINT32_MAX;
// To a node with which nothing was measured yet: two machines on a network of some years ago.
constexpr float first_round_trip_s = 0.0002f;

struct NodeView {
    NodeIndex node = nowhere;
    float age_s = 0;      // of what follows
    float load = 0;       // as it says of itself, promises to take processes included
    float cores = 1;      // that it may really use: affinity and quota count
    float speed = 1;      // of one of them
    uint8_t takes = 1;    // it is up, not blocked, and takes processes of this home
    uint8_t crowded = 0;  // short of memory, or making room: nobody comes for its cores
    uint8_t deserted = 0; // a partner of somebody here is on its way from there: nobody joins it
    uint64_t memory_total = 0, memory_free = 0;
    uint64_t memory_movable = 0;             // of processes that it could send away
    uint64_t features = 0;                   // of its CPU, one bit each
    float round_trip_s = first_round_trip_s; // of a few bytes from here to it and back
};

struct Partner {
    NodeIndex node = nowhere; // where it is reached soonest
    float messages = 0;       // to and from it, per CPU second of mine
};

struct ProcessView {
    uint64_t id = 0;
    NodeIndex home = nowhere;
    float cpu_s = 0;      // used since exec, in seconds of the reference core
    float demand = 1;     // decayed
    float here_s = 0;     // since it arrived, or began
    float expected_s = 0; // what its like used in all; 0: it has no like that is known
    float moved_s = 0;    // what its last move cost it; 0: none
    float calls = 0;      // that must be forwarded when away, per CPU second
    uint8_t guest = 0;    // its home is elsewhere
    uint8_t stays = 0;    // locked by its user
    uint8_t confined = 0; // something keeps it where it is
    uint8_t moving = 0;
    uint64_t memory = 0;   // that it has, or has said it will need
    uint64_t features = 0; // of the CPU that it may have chosen to use
    std::array<Partner, 2> partners;
};

// What the node has been told to do.
enum class Stance : uint8_t { open, expelling, draining };

struct Snapshot {
    NodeView self;             // load: `foreign`, and the demands of all processes
    float foreign = 0;         // smoothed load of what does not belong to Rove
    float foreign_lasts_s = 0; // for how long it has been there
    float fastest = 1;         // speed of any node that is known
    Stance stance = Stance::open;
    uint8_t ushering = 0;     // memory was short at the last decision
    uint32_t departing = 0;   // moves that are under way
    uint64_t room_wanted = 0; // bytes that another node would like to send here
    MigrationCost cost;
    std::span<NodeView const> nodes; // the others
    std::span<ProcessView const> processes;
};

} // namespace rove::policy
