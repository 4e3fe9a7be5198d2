// SPDX-License-Identifier: Apache-2.0
// The verbs `check` and `config`: what this machine allows, and what is configured.
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fmt/core.h>

#include "cli/answer.hh"
#include "cli/screen.hh"
#include "cli/verbs.hh"
#include "cli/width.hh"
#include "client/control.hh"

namespace rove::cli {

namespace {

using client::bool_field;
using client::text_field;

constexpr char const* check_shape[] = {"name", "ok", "lost"};

std::string check_text(Screen const& screen, std::vector<Json> const& rows) {
    size_t width = 0;
    for (Json const& row : rows)
        width = std::max(width, text_width(text_field(row, "name").value_or("")));
    std::string text;
    size_t lost = 0;
    for (Json const& row : rows) {
        std::string const name = for_terminal(text_field(row, "name").value_or("-"), screen.utf8);
        std::optional<bool> const ok = bool_field(row, "ok");
        std::string const word = !ok ? "?" : *ok ? "yes" : "NO";
        text += painted(screen, fmt::format("{:<3}", word),
            !ok   ? Colour::doubtful
            : *ok ? Colour::good
                  : Colour::bad);
        auto const without = text_field(row, "lost");
        bool const tell = !ok.value_or(false) && without && !without->empty();
        text += tell
                    ? fmt::format(" {:<{}}  {}\n", name, width, for_terminal(*without, screen.utf8))
                    : fmt::format(" {}\n", name);
        lost += ok.has_value() && !*ok;
    }
    return text +
           (lost == 0 ? "All is there.\n"
                      : fmt::format("{} missing; what is lost without it stands beside.\n", lost));
}

int run_check(Given const& given) {
    Asked<Json> answer = client::call("GET", "/v1/check");
    if (!answer) return report(given, answer.error());
    if (given.json) return print(client::print_json(shaped_rows(*answer, check_shape)) + "\n");
    return print(check_text(Screen::of_output(), rows_of(*answer)));
}

// Lists as "a, b", a peer as "n2 10.0.0.2:7946", nothing as "-".
std::string setting_text(Json const& value) {
    std::string text;
    if (boost::json::array const* list = value.if_array()) {
        for (Json const& item : *list)
            text += (text.empty() ? "" : ", ") + setting_text(item);
    } else if (boost::json::object const* object = value.if_object()) {
        for (auto const& pair : *object)
            text += (text.empty() ? "" : " ") + setting_text(pair.value());
    } else {
        text = client::plain_text(value);
    }
    return text.empty() ? "-" : text;
}

// The answer is one object, a row for each key.
std::string config_text(Screen const& screen, Json const& answer) {
    std::vector<Json> rows;
    if (boost::json::object const* all = answer.if_object())
        for (auto const& pair : *all)
            rows.push_back(pair.value());
    std::vector<Column> const columns{{"KEY", Align::left}, {"VALUE", Align::left},
        {"FROM", Align::left}, {"MEANING", Align::left, true}};
    std::vector<std::vector<Cell>> lines;
    for (Json const& row : rows) {
        std::vector<Cell> line;
        for (char const* name : {"key", "text", "source", "meaning"}) {
            Json const* value = client::field(row, name);
            line.push_back({value ? for_terminal(setting_text(*value), screen.utf8) : "-"});
        }
        lines.push_back(std::move(line));
    }
    return table_text(screen, columns, lines);
}

int run_config(Given const& given) {
    Asked<Json> answer = client::call("GET", "/v1/config");
    if (!answer) return report(given, answer.error());
    if (given.json) return print(client::print_json(*answer) + "\n");
    return print(config_text(Screen::of_output(), *answer));
}

} // namespace

Verb const check_verb{"check", "tell what this machine allows, and what is lost without it", {}, {},
    "Asks the running daemon what this machine's kernel and configuration allow, line by\n"
    "line, and what is lost where something is missing.",
    run_check};

Verb const config_verb{"config", "show the effective configuration", {}, {},
    "Each key with the value that is in force and where it comes from: the default, or a line\n"
    "of the configuration file, and what the key means. rove.toml(5) lists them without a daemon.",
    run_config};

} // namespace rove::cli
