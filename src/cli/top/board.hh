// SPDX-License-Identifier: Apache-2.0
// Board: what `rove top` shows: nodes and processes as values, made from the daemon's answers.
//
// Text is made harmless here, once: whatever a program calls itself does nothing to a terminal. An
// unknown value stays unknown.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cli/answer.hh"
#include "cli/figures.hh"

namespace rove::cli::top {

struct NodeRow {
    std::string name, state;
    Figure load, cores, memory_total, memory_free, guests, age_ms;

    bool takes_guests() const { return state == "up"; }
};

struct ProcessRow {
    std::string key; // as `rove move` takes it: HOME:PID
    Figure pid;
    std::string user, state, home, host, reason, command;
    Figure cpu; // of a core, by the last two looks
    Figure cpu_seconds, memory, moves;
    std::optional<bool> stopped, locked;
    bool fresh = false; // it is somewhere else than at the last look
};

struct Board {
    std::vector<NodeRow> nodes;
    std::vector<ProcessRow> processes;
};

/// Makes boards, and remembers of each what the next is compared with.
class Watcher {
public:
    explicit Watcher(bool utf8) : utf8_(utf8) {}
    Board look(Json const& nodes, Json const& processes, double now_s);

private:
    struct Last {
        double at_s = 0; // when the CPU time was this
        Figure cpu_seconds, cpu;
        std::string host;
    };
    NodeRow node_of(Json const& row) const;
    ProcessRow process_of(Json const& row, double now_s);
    std::string shown(Json const& row, char const* name) const;

    bool utf8_;
    std::map<std::string, Last> last_, next_; // by key
};

enum class Sort { cpu, memory, time, moves, where, pid };
constexpr Sort sorts[] = {Sort::cpu, Sort::memory, Sort::time, Sort::moves, Sort::where, Sort::pid};
char const* word(Sort sort);

/// Largest first, but places and PIDs in their order; unknown values come last in either direction.
enum class Order { usual, reversed };
void sort_processes(std::vector<ProcessRow>& processes, Sort by, Order order);

} // namespace rove::cli::top
