// SPDX-License-Identifier: Apache-2.0
// Process: a migratable process of this home, and Program: what it belongs to. Plain state; the
// files that change it are programs.cc (who there is), moves.cc and stewards.cc (where it is) and
// api*.cc (who asks).
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "base/cpu_level.hh"
#include "base/fd.hh"
#include "image/credentials.hh"
#include "node/async.hh"
#include "node/ending.hh"
#include "node/keepers.hh"
#include "wire/keeper.hh"

namespace rove::node {

struct Running;  // a move that a steward performs
struct Debugger; // whoever it is at home for

// A move that nobody waits for.
struct MoveWish {
    std::string to;
    uid_t asker = 0;
};

// What it executes, and what it had used when it began to.
struct Image {
    std::string name;                   // see Experience; empty: not known
    uint64_t code = 0, stack = 0;       // other places, another program
    Nanos since{};                      // monotonic, when first seen
    bool inherited = false;             // it is its parent's: nothing was executed yet
    double cpu_s = 0, cpu_before_s = 0; // of the process at home
    uint64_t away_before_us = 0, calls_before = 0;
};

struct Process {
    explicit Process(asio::io_context& io) : turn(io) {}

    wire::Identity identity;
    uid_t uid = 0;
    std::string user, command;
    Fd pidfd;
    uint64_t program = 0; // its Program's id

    image::Objection lost; // why it ended, if its host did
    wire::Place place = wire::Place::home;
    std::string host;
    wire::Tally tally;
    std::vector<wire::TraceRow> calls;         // as its last steward left them
    double cpu_seconds_home = 0;               // last seen, also after its end
    std::map<std::string, uint64_t> came_home; // reason → how often
    bool locked = false;                       // rove stay
    uint64_t number = 0,
             storm_step = 0; // which process of its program it is, and how far its storm is
    bool storming = false;
    std::string anchor;     // where it wants to be; empty: nowhere in particular
    uid_t asker = 0;        // who wants it there
    uint64_t freeze_us = 0; // for how long it may stand still, as that one has said; 0: as usual
    std::string reason,
        reason_text;   // why it cannot be away now; empty: nothing is known to keep it
    Nanos reason_at{}; // monotonic
    Nanos looked_at{}; // monotonic: when it was last looked for
    std::vector<std::shared_ptr<Debugger>> debuggers; // while one lives, it stays at home
    Fd complaints; // its standard error, until it has been moved at its exec

    std::shared_ptr<Keeper> steward; // connected and said hello
    pid_t steward_pid = 0;           // started, maybe not connected yet
    uint64_t steward_start = 0;      // its start time, against reuse of the number
    bool steward_leaving = false;    // it said came_home
    bool unsettled = false;          // a steward died, and what became of its move is not known yet
    std::shared_ptr<Event> steward_change; // set when steward becomes or ceases to be
    std::shared_ptr<Running> running;
    Turnstile turn; // one move at a time
    bool moving = false;
    std::optional<MoveWish> wished; // the latest that has not begun
    bool pursued = false;           // somebody sees to it

    Image image;
    Nanos born{};            // monotonic, when first seen
    Nanos last_move_ended{}; // monotonic
    Nanos last_move_took{};  // in all
    Nanos last_move_lost{};  // of that it stood still; of the last one that was made
    std::deque<Decision> decisions;
    bool ended = false;

    void confine(std::string word, std::string text, Nanos now) {
        reason = std::move(word);
        reason_text = std::move(text);
        reason_at = now;
    }
    void decide(Decision decision) {
        decisions.push_back(std::move(decision));
        if (decisions.size() > 20) decisions.pop_front();
    }
    pid_t pid() const { return identity.pid; }
};
using ProcessPtr = std::shared_ptr<Process>;

struct ProgramWish {
    std::string on;      // node; empty: nowhere in particular
    bool placed = false; // its starter said where, be it home
    bool stay = false;
    int64_t storm_ms = 0; // 0: none
    uint64_t seed = 0;
    std::string report;                 // file; empty: none
    uint64_t memory = 0;                // bytes that its first process will need
    bool no_patch = false;              // its text is left alone
    CpuLevel cpu_level = CpuLevel::any; // it has promised to use nothing newer

    // Each of its processes is to be known of soon, however short its life is.
    bool wants_haste() const { return !on.empty() || storm_ms > 0 || !report.empty(); }
};

// Sums over processes that have ended, for the report.
struct ProgramSums {
    uint64_t moves = 0, forwarded = 0, local = 0, bytes = 0, freeze_us_max = 0;
    double seconds_home = 0, seconds_away = 0;
    std::map<std::string, uint64_t> came_home;
    void add(Process const& process, Nanos now);
    void add(ProgramSums const& inner);
};

struct Program {
    uint64_t id = 0;
    std::string group; // directory
    wire::Identity root;
    Fd root_pidfd;
    ProgramWish wish;
    Fd report_to;       // if the report is for a descriptor of its first process
    uint64_t outer = 0; // the program in which it was begun: that one ends after it
    uid_t uid = 0;      // who asked for it
    gid_t gid = 0;
    std::vector<gid_t> groups;
    ProgramSums sums;
    Ending ending; // of the root
    bool root_ended = false;
    bool finishing = false; // all have ended; the last words of their stewards are waited for
    uint64_t met = 0;       // how many processes of it have been seen
    Nanos empty_since{-1};
};

} // namespace rove::node
