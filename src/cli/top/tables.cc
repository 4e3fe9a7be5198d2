// SPDX-License-Identifier: Apache-2.0
// Tables: columns, colours and bars; see tables.hh.
#include "cli/top/tables.hh"

#include <algorithm>

#include <fmt/core.h>

namespace rove::cli::top {

namespace {

constexpr size_t name_most = 16, user_most = 12, bar_least = 6, bar_most = 60;

Colour node_colour(std::string const& state) {
    if (state == "up") return Colour::good;
    if (state == "dead") return Colour::bad;
    return state == "left" ? Colour::faint : Colour::doubtful;
}

Colour process_colour(std::string const& state) {
    if (state == "away") return Colour::away;
    if (state == "confined" || state == "frozen") return Colour::doubtful;
    return state == "moving" ? Colour::good : Colour::none;
}

// Of something that is better low.
Colour height_colour(Figure part, double doubtful, double bad) {
    if (!part) return Colour::none;
    return *part >= bad ? Colour::bad : *part >= doubtful ? Colour::doubtful : Colour::good;
}

bool says_something(NodeRow const& node) {
    return node.state != "dead" && node.state != "left";
}

Figure used_part(NodeRow const& node) {
    if (!node.memory_total || !node.memory_free || *node.memory_total <= 0) return std::nullopt;
    return 1 - *node.memory_free / *node.memory_total;
}

std::string memory_text(NodeRow const& node) {
    if (!node.memory_total || !node.memory_free) return "-";
    return fmt::format("{} of {}",
        human_bytes(std::max(0.0, *node.memory_total - *node.memory_free)),
        human_bytes(node.memory_total));
}

std::string state_text(ProcessRow const& process) {
    std::string text = process.state;
    if (process.stopped.value_or(false)) text += " stopped";
    if (process.locked.value_or(false)) text += " locked";
    return text;
}

std::string where_text(ProcessRow const& process, bool utf8) {
    if (process.home == process.host) return process.host;
    return process.home + (utf8 ? "\xe2\x86\x92" : "->") + process.host;
}

// "/usr/bin/python3 x.py" is "python3 x.py".
std::string without_directory(std::string const& command) {
    size_t const end = std::min(command.find(' '), command.size());
    size_t const slash = command.rfind('/', end);
    bool const path = command.starts_with('/') && slash != std::string::npos && slash + 1 < end;
    return path ? command.substr(slash + 1) : command;
}

std::string percent(Figure part) {
    return part ? whole(*part * 100) : "-";
}

} // namespace

double load_scale(std::span<NodeRow const> nodes) {
    double scale = 1;
    for (NodeRow const& node : nodes)
        while (node.load && says_something(node) && *node.load > scale * 1.05 && scale < 1e6)
            scale *= 2;
    return scale;
}

Grid node_grid(std::span<NodeRow const> nodes, double scale) {
    Grid grid;
    grid.columns = {{"NODE", Align::left, 0, 0, name_most}, {"STATE", Align::left, 5, 5},
        {"LOAD", Align::left, 4, bar_least, bar_most, true}, {"", Align::right, 0, 4},
        {"CORES", Align::right, 6}, {"MEMORY", Align::left, 3, bar_least, bar_most, true},
        {"", Align::right, 2, 17}, {"GUESTS", Align::right, 7}, {"AGE", Align::right, 8, 6}};
    for (NodeRow const& node : nodes) {
        bool const talks = says_something(node);
        Figure const load = talks ? node.load : Figure();
        Figure const used = talks ? used_part(node) : Figure();
        Look const load_look{height_colour(load, 0.9, 1.5)};
        Look const memory_look{height_colour(used, 0.8, 0.95)};
        grid.rows.push_back({{node.name}, {node.state, {node_colour(node.state)}},
            {"", load_look, true, load ? Figure(*load / scale) : Figure()}, {fixed(load, 2)},
            {at_most(talks ? node.cores : Figure(), 2)}, {"", memory_look, true, used},
            {talks ? memory_text(node) : "-"}, {whole(talks ? node.guests : Figure())},
            {human_ms(node.age_ms)}});
    }
    return grid;
}

Grid process_grid(std::span<ProcessRow const> processes, bool utf8) {
    bool reasons = false;
    for (ProcessRow const& process : processes)
        reasons |= process.reason != "-";
    Grid grid;
    grid.columns = {{"PID", Align::right, 0, 5}, {"USER", Align::left, 6, 4, user_most},
        {"STATE", Align::left, 4, 8, 24}, {"WHERE", Align::left, 2, 5, 2 * name_most},
        {"CPU%", Align::right, 1, 4}, {"TIME", Align::right, 5, 7}, {"MEMORY", Align::right, 3, 7},
        {"MOVES", Align::right, 7}};
    if (reasons) grid.columns.push_back({"REASON", Align::left, 8, 0, 20});
    grid.columns.push_back({"COMMAND", Align::left, 0, 10, 1000, true});
    for (ProcessRow const& process : processes) {
        Look const look{process_colour(process.state), process.fresh};
        Look const plain{Colour::none, process.fresh};
        std::vector<GridCell> row{{whole(process.pid), plain}, {process.user, plain},
            {state_text(process), look}, {where_text(process, utf8), look},
            {percent(process.cpu), plain}, {cpu_time(process.cpu_seconds), plain},
            {human_bytes(process.memory), plain}, {whole(process.moves), plain}};
        if (reasons) row.push_back({process.reason, plain});
        row.push_back({without_directory(process.command), plain});
        grid.rows.push_back(std::move(row));
    }
    return grid;
}

} // namespace rove::cli::top
