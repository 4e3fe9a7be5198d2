// SPDX-License-Identifier: Apache-2.0
// Board: reading and sorting; see board.hh.
#include "cli/top/board.hh"

#include <algorithm>
#include <tuple>

#include "cli/screen.hh"

namespace rove::cli::top {

using client::bool_field;
using client::number_field;
using client::text_field;

namespace {
constexpr double rate_least_s = 0.8;
} // namespace

std::string Watcher::shown(Json const& row, char const* name) const {
    return for_terminal(text_field(row, name).value_or("-"), utf8_);
}

NodeRow Watcher::node_of(Json const& row) const {
    NodeRow node;
    node.name = shown(row, "name");
    node.state = shown(row, "state");
    node.load = number_field(row, "load");
    node.cores = number_field(row, "cores");
    node.memory_total = number_field(row, "memory_total_bytes");
    node.memory_free = number_field(row, "memory_free_bytes");
    node.guests = number_field(row, "guests");
    node.age_ms = number_field(row, "age_ms");
    return node;
}

ProcessRow Watcher::process_of(Json const& row, double now_s) {
    ProcessRow process;
    process.pid = number_field(row, "pid");
    process.home = shown(row, "home");
    process.key = process.home + ":" + whole(process.pid);
    process.user = shown(row, "user");
    process.state = shown(row, "state");
    process.host = shown(row, "host");
    process.reason = shown(row, "reason");
    process.command = shown(row, "command");
    process.cpu_seconds = number_field(row, "cpu_seconds");
    process.memory = number_field(row, "memory_bytes");
    process.moves = number_field(row, "moves");
    process.stopped = bool_field(row, "stopped");
    process.locked = bool_field(row, "locked");
    Last last{now_s, process.cpu_seconds, std::nullopt, process.host};
    if (auto before = last_.find(process.key); before != last_.end()) {
        Last const& then = before->second;
        process.fresh = process.host != then.host;
        double const passed = now_s - then.at_s;
        process.cpu = then.cpu;
        if (passed < rate_least_s) {
            // Too short to say: the kernel counts in hundredths of a second.
            last.at_s = then.at_s;
            last.cpu_seconds = then.cpu_seconds;
        } else if (process.cpu_seconds && then.cpu_seconds) {
            // What was used away is told now and then only: it never runs backwards.
            process.cpu = std::max(0.0, *process.cpu_seconds - *then.cpu_seconds) / passed;
        }
        last.cpu = process.cpu;
    }
    next_[process.key] = std::move(last);
    return process;
}

Board Watcher::look(Json const& nodes, Json const& processes, double now_s) {
    Board board;
    next_.clear();
    for (Json const& row : rows_of(nodes))
        board.nodes.push_back(node_of(row));
    for (Json const& row : rows_of(processes))
        board.processes.push_back(process_of(row, now_s));
    last_.swap(next_);
    return board;
}

char const* word(Sort sort) {
    switch (sort) {
    case Sort::cpu:
        return "CPU";
    case Sort::memory:
        return "memory";
    case Sort::time:
        return "CPU time";
    case Sort::moves:
        return "moves";
    case Sort::where:
        return "place";
    case Sort::pid:
        return "PID";
    }
    return "";
}

namespace {

// Whether the first comes first; null if neither must.
std::optional<bool> larger_first(Figure const& one, Figure const& other) {
    if (!one || !other) {
        if (one.has_value() == other.has_value()) return std::nullopt;
        return one.has_value();
    }
    if (*one == *other) return std::nullopt;
    return *one > *other;
}

Figure const& value_of(ProcessRow const& row, Sort by) {
    switch (by) {
    case Sort::cpu:
        return row.cpu;
    case Sort::memory:
        return row.memory;
    case Sort::time:
        return row.cpu_seconds;
    case Sort::moves:
        return row.moves;
    case Sort::where:
    case Sort::pid:
        break;
    }
    return row.pid;
}

} // namespace

void sort_processes(std::vector<ProcessRow>& processes, Sort by, Order order) {
    bool const reversed = order == Order::reversed;
    bool const by_name = by == Sort::where || by == Sort::pid;
    auto const first = [&](ProcessRow const& a, ProcessRow const& b) {
        auto const place = [](ProcessRow const& row) { return std::tie(row.host, row.home); };
        if (by == Sort::where && place(a) != place(b)) return (place(a) < place(b)) != reversed;
        Figure const& one = value_of(a, by);
        Figure const& other = value_of(b, by);
        auto const decided = larger_first(one, other);
        if (!decided) return a.key < b.key;
        if (!one || !other) return *decided;
        return *decided != (reversed != by_name);
    };
    std::stable_sort(processes.begin(), processes.end(), first);
}

} // namespace rove::cli::top
