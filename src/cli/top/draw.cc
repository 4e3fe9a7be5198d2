// SPDX-License-Identifier: Apache-2.0
// Draw: who gets which lines of the screen; see draw.hh.
#include "cli/top/draw.hh"

#include <algorithm>

#include <fmt/core.h>

#include "cli/event_text.hh"
#include "cli/top/tables.hh"
#include "cli/width.hh"

namespace rove::cli::top {

namespace {

constexpr char const* hints =
    "m move  M with children  l lock  o sort  r reverse  u mine  h help  q quit";

constexpr char const* help_text[] = {"Up Down PgUp PgDn Home End   choose a process (also k and j)",
    "m Enter    move it to a node, home or best: Tab and arrows choose, Enter moves",
    "M          move it with its descendants",
    "l          lock it against automatic moves ('rove stay'), or unlock it",
    "o          sort by the next of CPU, memory, CPU time, moves, place, PID",
    "r          turn the order round", "u          only your own processes, or everybody's",
    "^L         draw all of it again", "h ?        this help", "q ^C       quit", "",
    "LOAD       runnable threads for each core: 1 is just full",
    "STATE      home, away, moving, frozen, confined ('rove explain PID' says why)",
    "WHERE      where it runs: HOME\xe2\x86\x92HOST if that is not its home",
    "CPU%       of a core, in the last second"};

// How the height is shared out.
struct Shares {
    size_t nodes = 0, processes = 0, events = 0; // lines without their headings
};
constexpr size_t processes_least = 5;
Shares share(size_t height, size_t nodes, size_t processes, size_t used) {
    Shares shares;
    shares.events = height >= 40 ? 8 : height >= 24 ? 4 : height >= 18 ? 2 : 0;
    size_t const headings = 3 + (shares.events > 0 ? 1 : 0); // with the empty line
    size_t left = height - std::min(height, used + headings + shares.events);
    shares.nodes = std::min(nodes, std::max<size_t>(left / 2, 2));
    shares.processes = left - std::min(left, shares.nodes);
    // What the processes do not need is the events'.
    // In steps of four, so that the lines do not jump with each process that comes and goes.
    size_t const needed = std::max(processes_least, processes / 4 * 4 + 5);
    if (shares.events > 0 && shares.processes > needed) {
        shares.events += shares.processes - needed;
        shares.processes = needed;
    }
    return shares;
}

std::string counted(Board const& board) {
    size_t up = 0, away = 0;
    for (NodeRow const& node : board.nodes)
        up += node.state == "up" || node.state == "blocked";
    for (ProcessRow const& process : board.processes)
        away += process.home != process.host;
    return fmt::format("{} of {} nodes up, {} process{}, {} away", up, board.nodes.size(),
        board.processes.size(), board.processes.size() == 1 ? "" : "es", away);
}

Line title(View const& view, Surroundings const& around, Size size) {
    Line line(size.width, size.utf8);
    line.add(around.node.empty() ? "rove" : "rove on " + around.node, {Colour::none, true});
    if (around.looked) line.add("  " + counted(view.board()));
    std::string right = fmt::format("sorted by {}{}{}  {}", word(view.sort),
        view.order == Order::reversed ? ", reversed" : "", view.mine ? ", mine" : "", around.time);
    if (text_width(right) + 2 > line.room()) right = around.time;
    if (text_width(right) + 2 <= line.room()) {
        line.pad_to(size.width - text_width(right));
        line.add(right, {Colour::faint});
    }
    return line;
}

// The most loaded ones, if there is no room for all.
std::vector<NodeRow> chosen_nodes(std::vector<NodeRow> const& all, size_t room) {
    std::vector<NodeRow> nodes = all;
    if (nodes.size() <= room) return nodes;
    std::stable_sort(nodes.begin(), nodes.end(), [](NodeRow const& a, NodeRow const& b) {
        return a.load.value_or(-1) > b.load.value_or(-1);
    });
    nodes.resize(room > 0 ? room - 1 : 0);
    return nodes;
}

void add_nodes(std::vector<Line>& lines, std::vector<NodeRow> const& all, size_t room, Size size) {
    auto const nodes = chosen_nodes(all, room);
    double const scale = load_scale(all);
    Grid grid = node_grid(nodes, scale);
    std::string const load = fmt::format("LOAD 0..{:.0f}", scale);
    grid.columns[2].heading = load.c_str();
    auto const widths = grid.widths(size.width);
    lines.push_back(grid.heading(widths, size.width, size.utf8));
    for (size_t i = 0; i < nodes.size(); i++)
        lines.push_back(grid.row(i, widths, size.width, size.utf8));
    if (nodes.size() == all.size()) return;
    Line more(size.width, size.utf8);
    more.add(fmt::format("and {} less loaded ones", all.size() - nodes.size()), {Colour::faint});
    lines.push_back(std::move(more));
}

void add_processes(std::vector<Line>& lines, View const& view, Surroundings const& around,
    size_t first, size_t room, Size size) {
    auto const& all = view.board().processes;
    size_t const count = std::min(room, all.size() - std::min(first, all.size()));
    Grid const grid = process_grid(std::span(all).subspan(first, count), size.utf8);
    auto const widths = grid.widths(size.width);
    lines.push_back(grid.heading(widths, size.width, size.utf8));
    for (size_t i = 0; i < count; i++) {
        lines.push_back(grid.row(i, widths, size.width, size.utf8));
        if (first + i == view.cursor()) lines.back().mark();
    }
    if (!all.empty() || room == 0) return;
    Line none(size.width, size.utf8);
    none.add(around.looked ? "No migratable process; start one with 'rove run -- CMD'"
                           : "Asking the daemon ...",
        {Colour::faint});
    lines.push_back(std::move(none));
}

Colour event_colour(Json const& event) {
    std::string const name = client::text_field(event, "event").value_or("");
    if (name == "host_lost" || name == "node_dead") return Colour::bad;
    if (name == "move_failed" || name == "confined" || name == "node_suspect")
        return Colour::doubtful;
    return name == "move" ? Colour::away : Colour::none;
}

void add_events(std::vector<Line>& lines, View const& view, Surroundings const& around,
    size_t first, size_t shown, size_t room, Size size) {
    if (room == 0) return;
    Line heading(size.width, size.utf8);
    heading.add("EVENTS", {Colour::faint});
    size_t const all = view.board().processes.size();
    if (shown < all) {
        std::string const part =
            fmt::format("processes {} to {} of {}", first + 1, first + shown, all);
        heading.pad_to(size.width - std::min(size.width, text_width(part)));
        heading.add(part, {Colour::faint});
    }
    lines.push_back(std::move(heading));
    Screen screen;
    screen.utf8 = size.utf8;
    size_t const count = std::min(room, around.events.size());
    for (size_t i = around.events.size() - count; i < around.events.size(); i++) {
        Line line(size.width, size.utf8);
        line.add(
            event_text(screen, around.events[i], Detail::brief), {event_colour(around.events[i])});
        lines.push_back(std::move(line));
    }
}

// The question at the bottom, and what it can be answered with.
Line prompt_line(Prompt const& prompt, Size size) {
    Line line(size.width, size.utf8);
    line.add(fmt::format("Move {}{} to: ", prompt.pid, prompt.all ? " with its descendants" : ""),
        {Colour::none, true});
    line.add(prompt.typed, {Colour::none, true});
    line.add("_ ", {Colour::none, true});
    auto const places = prompt.matching();
    if (places.empty()) line.add(" no such node", {Colour::doubtful});
    size_t const chosen = std::min(prompt.chosen, places.empty() ? 0 : places.size() - 1);
    for (size_t i = chosen > 2 ? chosen - 2 : 0; i < places.size(); i++) {
        line.add(" ");
        line.add(places[i], {Colour::none, false, i == chosen});
    }
    return line;
}

std::vector<Line> bottom(View const& view, Size size) {
    std::vector<Line> lines;
    if (view.prompt) return {prompt_line(*view.prompt, size)};
    bool const says = !view.message.text.empty();
    constexpr size_t lines_max = 3;
    for (std::string const& part :
        wrap(says ? for_terminal(view.message.text, size.utf8) : hints, size.width)) {
        if (lines.size() == (says ? lines_max : 1)) break;
        lines.emplace_back(size.width, size.utf8);
        lines.back().add(part, {says ? view.message.colour : Colour::faint, says});
    }
    return lines;
}

std::vector<Line> trouble_lines(Surroundings const& around, Size size) {
    std::vector<Line> lines;
    if (around.trouble.empty()) return lines;
    for (std::string const& part : wrap(for_terminal(around.trouble, size.utf8), size.width)) {
        if (lines.size() == 2) break;
        lines.emplace_back(size.width, size.utf8);
        lines.back().add(part, {Colour::bad, true});
    }
    return lines;
}

void add_help(std::vector<Line>& lines, Size size) {
    for (char const* text : help_text) {
        lines.emplace_back(size.width, size.utf8);
        lines.back().add(for_terminal(text, size.utf8));
    }
}

} // namespace

bool is_shown(Json const& event) {
    std::string const name = client::text_field(event, "event").value_or("");
    return name != "run" && name != "adopt" && name != "ended" && name != "decision";
}

std::vector<Line> draw(View& view, Surroundings const& around, Size size, size_t& first) {
    std::vector<Line> lines{title(view, around, size)};
    for (Line& line : trouble_lines(around, size))
        lines.push_back(std::move(line));
    std::vector<Line> last = bottom(view, size);
    if (view.help) {
        add_help(lines, size);
    } else {
        Shares const shares = share(size.height, view.board().nodes.size(),
            view.board().processes.size(), lines.size() + last.size());
        view.page = std::max<size_t>(shares.processes, 1);
        first = view.first_shown(first, shares.processes);
        add_nodes(lines, view.board().nodes, shares.nodes, size);
        lines.emplace_back(size.width, size.utf8);
        size_t const before = lines.size();
        add_processes(lines, view, around, first, shares.processes, size);
        size_t const shown = std::min(shares.processes, view.board().processes.size() - first);
        while (lines.size() < before + 1 + shares.processes)
            lines.emplace_back(size.width, size.utf8);
        add_events(lines, view, around, first, shown, shares.events, size);
    }
    size_t const body = size.height - std::min(size.height, last.size());
    while (lines.size() < body)
        lines.emplace_back(size.width, size.utf8);
    lines.erase(lines.begin() + static_cast<ptrdiff_t>(std::min(body, lines.size())), lines.end());
    for (Line& line : last)
        if (lines.size() < size.height) lines.push_back(std::move(line));
    return lines;
}

} // namespace rove::cli::top
