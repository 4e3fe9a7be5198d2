// SPDX-License-Identifier: Apache-2.0
// Decision: what shall be moved where, and why, with the numbers that it was decided by.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "policy/view.hh"

namespace rove::policy {

// Why a process is to move.
enum class Why : uint8_t {
    balance,     // it computes sooner there
    faster,      // the node is not crowded, but another is faster
    together,    // its partners are there
    memory,      // memory is short here
    make_room,   // for a process of another node that finds no room
    home_better, // it waits for its home more than it computes
    owner,       // the users of this node need it
    drained,     // this node is being drained, or sends its guests away
};

// Why a process stays.
enum class Verdict : uint8_t {
    moves,
    not_crowded,  // everybody here has a core, and none is faster elsewhere
    stays,        // locked by its user
    confined,     // something keeps it where it is
    moving,       // already
    just_arrived, // residence time
    interactive,  // it hardly computes
    calls,        // it would wait for forwarded calls
    no_target,    // nowhere is better
    no_room,      // nowhere better has memory or CPU features for it
    small_gain,   // less than a move must save
    enough_leave, // departures_max
};

// The terms of the formula: gain = stay - go - cost - talk, in seconds.
struct Figures {
    float load_here = 0, load_there = 0;       // with it
    float stretch_here = 0, stretch_there = 0; // seconds for a CPU second
    float expected_s = 0;                      // CPU time that its like used, if any are known
    float remaining_s = 0;                     // CPU time that it is expected to need still
    float crowded_s = 0;                       // how much longer it is expected to be crowded here
    float stay_s = 0, go_s = 0;                // until it has had that time
    float cost_s = 0, talk_s = 0;              // of the move; of forwarded calls and messages
    float round_trip_s = 0;                    // between here and there
    float calls = 0, messages = 0;             // per CPU second, see ProcessView
    float gain_s = 0, needed_s = 0;
};

struct Order {
    uint64_t process = 0;
    NodeIndex to = nowhere;
    Why why = Why::balance;
    // The most a CPU second may take there for the move to be worth it; the target judges by it.
    float stretch_max = 0;
    Figures figures;
};

// Asks another node to make room, since no node has enough.
struct RoomWish {
    NodeIndex node = nowhere;
    uint64_t bytes = 0;
};

struct Decision {
    std::vector<Order> orders;
    std::optional<RoomWish> room;
    bool ushering = false; // memory is short; goes into the next snapshot
};

// What was found about one process; asked for by `rove explain` and logs only.
struct Note {
    uint64_t process = 0;
    Verdict verdict = Verdict::moves;
    NodeIndex best = nowhere;
    Figures figures;
};
using Notes = std::vector<Note>;

char const* word(Why why);
char const* word(Verdict verdict);
// One sentence for people.
char const* sentence(Why why);
char const* sentence(Verdict verdict);
// "load 3.0 here, 1.3 there; …": those that say something.
std::string text(Figures const& figures);

} // namespace rove::policy
