// SPDX-License-Identifier: Apache-2.0
// The verb `trace`: what system calls a process made since it first left home.
#include <algorithm>

#include <fmt/core.h>

#include "cli/answer.hh"
#include "cli/figures.hh"
#include "cli/screen.hh"
#include "cli/verbs.hh"
#include "client/control.hh"
#include "client/http.hh"

namespace rove::cli {

namespace {

using client::number_field;

constexpr char const* shape[] = {
    "name", "count", "local", "forwarded", "errors", "us_total", "bytes"};

std::string draw(Screen const& screen, std::vector<Json> rows) {
    if (rows.empty()) return "It has made no system call away from home.\n";
    std::stable_sort(rows.begin(), rows.end(), [](Json const& a, Json const& b) {
        return number_field(a, "us_total").value_or(0) > number_field(b, "us_total").value_or(0);
    });
    std::vector<Column> const columns{{"CALL", Align::left}, {"COUNT", Align::right},
        {"LOCAL", Align::right}, {"FORWARDED", Align::right}, {"ERRORS", Align::right},
        {"TIME", Align::right}, {"EACH", Align::right}, {"BYTES", Align::right}};
    std::vector<std::vector<Cell>> lines;
    for (Json const& row : rows) {
        Figure const total = number_field(row, "us_total"),
                     forwarded = number_field(row, "forwarded");
        Figure const each =
            total && forwarded.value_or(0) > 0 ? Figure(*total / *forwarded) : Figure();
        lines.push_back({{for_terminal(client::text_field(row, "name").value_or("-"), screen.utf8)},
            {whole(number_field(row, "count"))}, {whole(number_field(row, "local"))},
            {whole(forwarded)}, {whole(number_field(row, "errors"))},
            {total ? human_ms(*total / 1000) : "-"}, {each ? fixed(each, 1) + " us" : "-"},
            {human_bytes(number_field(row, "bytes"))}});
    }
    return table_text(screen, columns, lines);
}

int run(Given const& given) {
    if (int const code = check_pid(given)) return code;
    Asked<Json> answer =
        client::call("GET", "/v1/trace/" + client::escape_path(given.arguments.front()));
    if (!answer) return report(given, answer.error());
    if (given.json) return print(client::print_json(shaped_rows(*answer, shape)) + "\n");
    return print(draw(Screen::of_output(), rows_of(*answer)));
}

Argument const arguments[] = {{"PID", Kind::pid, Need::must}};

} // namespace

Verb const trace_verb{"trace", "show a process's system calls and what they cost", arguments, {},
    "Its system calls since it first left home: how many, served where it runs (local) or by\n"
    "its other half at home (forwarded), how many failed, what they cost and how many bytes\n"
    "they carried. The dearest come first.",
    run};

} // namespace rove::cli
