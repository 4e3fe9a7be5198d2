// SPDX-License-Identifier: Apache-2.0
// The verb `nodes`: the board as this node sees it.
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
    if (state == "up") return Colour::good;
    if (state == "dead") return Colour::bad;
    return state == "left" ? Colour::faint : Colour::doubtful;
}

std::string draw(Screen const& screen, std::vector<Json> const& rows) {
    std::vector<Column> const columns{{"NAME", Align::left}, {"STATE", Align::left},
        {"LOAD", Align::right}, {"CORES", Align::right}, {"SPEED", Align::right},
        {"FREE", Align::right}, {"MEMORY", Align::right}, {"GUESTS", Align::right},
        {"AGE", Align::right}, {"AUTO", Align::left}, {"ADDRESS", Align::left, true}};
    std::vector<std::vector<Cell>> lines;
    for (Json const& row : rows) {
        auto const shown = [&](char const* name) {
            return for_terminal(text_field(row, name).value_or("-"), screen.utf8);
        };
        std::optional<bool> const automatic = bool_field(row, "auto");
        std::string const state = shown("state");
        lines.push_back(
            {{shown("name")}, {state, state_colour(state)}, {fixed(number_field(row, "load"), 2)},
                {at_most(number_field(row, "cores"), 2)}, {fixed(number_field(row, "speed"), 2)},
                {human_bytes(number_field(row, "memory_free_bytes"))},
                {human_bytes(number_field(row, "memory_total_bytes"))},
                {whole(number_field(row, "guests"))}, {human_ms(number_field(row, "age_ms"))},
                {automatic ? *automatic ? "on" : "off" : shown("auto")}, {shown("address")}});
    }
    return table_text(screen, columns, lines);
}

int run(Given const& given) {
    return show(given, "/v1/nodes", nodes_shape, draw);
}

Option const options[] = {{"--watch", "-w", nullptr, Kind::text, "again every second, until ^C"}};

} // namespace

Verb const nodes_verb{"nodes", "show the nodes of the cluster", {}, options,
    "The board as this node sees it: each node with its state (up, blocked, suspect, dead,\n"
    "left), its load (1 = its cores are just full), how fast a core is (1.0 = the reference),\n"
    "its memory, its guests, and how old this knowledge is.",
    run};

} // namespace rove::cli
