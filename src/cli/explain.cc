// SPDX-License-Identifier: Apache-2.0
// The verb `explain`: where a process is, why, and what may not move it.
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fmt/core.h>

#include "cli/answer.hh"
#include "cli/figures.hh"
#include "cli/figures_text.hh"
#include "cli/screen.hh"
#include "cli/verbs.hh"
#include "client/control.hh"
#include "client/http.hh"

namespace rove::cli {

namespace {

using client::bool_field;
using client::field;
using client::number_field;
using client::text_field;

constexpr char const* shape[] = {
    "pid", "home", "host", "state", "reason", "reason_text", "partners", "decisions"};
constexpr char const* decision_shape[] = {"ms_ago", "verdict", "from", "to", "figures"};

std::string place_sentence(Screen const& screen, Json const& answer, std::string const& asked) {
    auto const shown = [&](char const* name) {
        return for_terminal(text_field(answer, name).value_or("-"), screen.utf8);
    };
    std::string const home = shown("home"), host = shown("host"), state = shown("state");
    std::string const pid =
        number_field(answer, "pid") ? whole(number_field(answer, "pid")) : asked;
    std::string text = fmt::format("{} of {} ", pid, home);
    if (state == "home")
        text += "is at home";
    else if (state == "confined" && host == home)
        text += "is at home and cannot leave now";
    else if (state == "away")
        text += fmt::format("is away, on {}", host);
    else if (state == "ended") {
        Figure const status = number_field(answer, "exit_status"),
                     signal = number_field(answer, "signal");
        text += signal   ? fmt::format("was ended by signal {}, on {}", whole(signal), host)
                : status ? fmt::format("has ended with status {}, on {}", whole(status), host)
                         : fmt::format("has ended, on {}", host);
    } else if (state == "moving")
        text += fmt::format("is moving, and still on {}", host);
    else
        text += fmt::format("is {}, on {}", state, host);
    return text + ".\n";
}

std::string draw(Screen const& screen, Json const& answer, std::string const& asked) {
    std::string text = place_sentence(screen, answer, asked);
    std::optional<std::string> const reason = text_field(answer, "reason");
    if (reason) {
        text += fmt::format("Reason: {}", for_terminal(*reason, screen.utf8));
        if (auto sentence = text_field(answer, "reason_text"))
            text += fmt::format(", {}", for_terminal(*sentence, screen.utf8));
        if (text.back() != '.') text += ".";
        text += "\n";
    } else if (text_field(answer, "state") != "ended") {
        text += "Nothing keeps it from moving.\n";
    }
    bool const locked = bool_field(answer, "locked").value_or(false);
    if (locked && reason != "user_stay")
        text += fmt::format(
            "Only 'rove move' moves it: it is locked; 'rove roam {}' lifts that.\n", asked);
    if (!locked && !bool_field(answer, "automatic").value_or(true))
        text += "Only 'rove move' moves it: automatic moves are off here; 'rove node auto on' "
                "lifts that.\n";
    if (auto level = text_field(answer, "cpu_baseline"))
        text +=
            fmt::format("It goes where {} is: that is all that it uses, by its --cpu-baseline.\n",
                for_terminal(*level, screen.utf8));
    if (auto lifted = text_field(answer, "lifted_by"))
        text += fmt::format("What lifts it: {}.\n", for_terminal(*lifted, screen.utf8));
    if (Json const* partners = field(answer, "partners"))
        for (Json const& row : rows_of(*partners))
            text += fmt::format("It talks with {}: {} messages so far, soonest from {}.\n",
                for_terminal(text_field(row, "process").value_or("-"), screen.utf8),
                whole(number_field(row, "messages")),
                for_terminal(text_field(row, "at").value_or("-"), screen.utf8));
    Json const* decisions = field(answer, "decisions");
    std::vector<Json> const rows = decisions ? rows_of(*decisions) : std::vector<Json>{};
    if (rows.empty()) return text + "Nothing has been decided about it yet.\n";

    std::vector<Column> const columns{{"AGO", Align::right}, {"VERDICT", Align::left},
        {"FROM", Align::left}, {"TO", Align::left}, {"FIGURES", Align::left, true}};
    std::vector<std::vector<Cell>> lines;
    for (Json const& row : rows) {
        auto const shown = [&](char const* name) {
            return for_terminal(text_field(row, name).value_or("-"), screen.utf8);
        };
        Json const* figures = field(row, "figures");
        lines.push_back({{human_ms(number_field(row, "ms_ago"))}, {shown("verdict")},
            {shown("from")}, {shown("to")},
            {figures ? for_terminal(figures_text(*figures), screen.utf8) : "-"}});
    }
    return text + "\n" + table_text(screen, columns, lines);
}

int run(Given const& given) {
    if (int const code = check_pid(given)) return code;
    std::string const& pid = given.arguments.front();
    Asked<Json> answer = client::call("GET", "/v1/explain/" + client::escape_path(pid));
    if (!answer) return report(given, answer.error());
    if (!given.json) return print(draw(Screen::of_output(), *answer, pid));
    Json whole_answer = shaped(*answer, shape);
    Json& decisions = whole_answer.as_object()["decisions"];
    decisions =
        decisions.is_array() ? shaped_rows(decisions, decision_shape) : boost::json::array{};
    return print(client::print_json(whole_answer) + "\n");
}

Argument const arguments[] = {{"PID", Kind::pid, Need::must}};

} // namespace

Verb const explain_verb{"explain", "tell where a process is, and why", arguments, {},
    "Where it is, why, what may not move it, and the last decisions about it with the figures\n"
    "that they were made by. A process that has ended is answered for an hour.",
    run};

} // namespace rove::cli
