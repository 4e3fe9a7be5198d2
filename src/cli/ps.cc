// SPDX-License-Identifier: Apache-2.0
// The verb `ps`: one row per migratable process.
#include <fmt/core.h>

#include "cli/figures.hh"
#include "cli/shapes.hh"
#include "cli/verbs.hh"
#include "cli/watch.hh"

namespace rove::cli {

namespace {

using client::bool_field;
using client::number_field;
using client::text_field;

Colour state_colour(std::string const& state) {
    if (state == "away") return Colour::away;
    if (state == "confined" || state == "frozen") return Colour::doubtful;
    return state == "moving" ? Colour::good : Colour::none;
}

std::string draw(Screen const& screen, std::vector<Json> const& rows, bool all) {
    if (rows.empty())
        return all ? "No migratable process here; start one with 'rove run -- CMD'.\n"
                   : "You have no migratable process here; start one with 'rove run -- CMD'.\n";
    bool reasons = false;
    for (Json const& row : rows)
        reasons |= text_field(row, "reason").has_value();

    std::vector<Column> columns{
        {"PID", Align::right}, {"USER", Align::left}, {"STATE", Align::left}};
    if (all) columns.push_back({"HOME", Align::left});
    columns.push_back({"WHERE", Align::left});
    columns.push_back({"CPU", Align::right});
    columns.push_back({"MEMORY", Align::right});
    columns.push_back({"MOVES", Align::right});
    if (reasons) columns.push_back({"REASON", Align::left});
    columns.push_back({"COMMAND", Align::left, true});

    std::vector<std::vector<Cell>> lines;
    for (Json const& row : rows) {
        auto const shown = [&](char const* name) {
            return for_terminal(text_field(row, name).value_or("-"), screen.utf8);
        };
        std::string const state = shown("state");
        std::vector<Cell> line{{whole(number_field(row, "pid"))}, {shown("user")},
            {bool_field(row, "stopped").value_or(false) ? state + " (stopped)" : state,
                state_colour(state)}};
        if (all) line.push_back({shown("home")});
        line.push_back({shown("host")});
        line.push_back({cpu_time(number_field(row, "cpu_seconds"))});
        line.push_back({human_bytes(number_field(row, "memory_bytes"))});
        line.push_back({whole(number_field(row, "moves"))});
        if (reasons) line.push_back({shown("reason")});
        line.push_back({shown("command")});
        lines.push_back(std::move(line));
    }
    return table_text(screen, columns, lines);
}

int run(Given const& given) {
    bool const all = given.has("--all");
    return show(given, all ? "/v1/ps?all=1" : "/v1/ps", ps_shape,
        [all](Screen const& screen, std::vector<Json> const& rows) {
            return draw(screen, rows, all);
        });
}

constexpr Option all_option{
    "--all", "-a", nullptr, Kind::text, "everybody's, and the guests of other homes here"};
Option const options[] = {
    all_option, {"--watch", "-w", nullptr, Kind::text, "again every second, until ^C"}};

} // namespace

Verb const ps_verb{"ps", "show the migratable processes", {}, options,
    "One row for each process that can be moved (not for each thread): its state, where\n"
    "it runs now, the CPU time that it has spent wherever it was, its memory, how often it\n"
    "was moved and, if it is confined to its home, why. Without --all these are your own of\n"
    "this home.\n\n"
    "States: moving; frozen (by Rove, for a moment); confined (cannot be away now, see\n"
    "'rove explain PID'); away; home.",
    run};

} // namespace rove::cli
