// SPDX-License-Identifier: Apache-2.0
// The verb `move`: moves a process, waits, and tells what it took.
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fmt/core.h>

#include "base/units.hh"
#include "cli/answer.hh"
#include "cli/figures.hh"
#include "cli/moved_text.hh"
#include "cli/screen.hh"
#include "cli/verbs.hh"
#include "client/control.hh"
#include "client/requests.hh"

namespace rove::cli {

namespace {

using client::number_field;
using client::text_field;

constexpr char const* shape[] = {
    "pid", "from", "to", "bytes", "freeze_ms", "stopped_ms", "total_ms", "mode"};

int code_of(Json const& row) {
    if (!text_field(row, "error")) return 0;
    double const code = number_field(row, "code").value_or(1);
    return code >= 1 && code <= 5 ? static_cast<int>(code) : 1;
}

// Each member in a line; those that did not move on standard error.
int report_members(Given const& given, std::vector<Json> const& rows, Trouble const& worst) {
    if (given.json) return report(given, worst);
    Screen const screen = Screen::of_output();
    for (Json const& row : rows) {
        if (!code_of(row)) {
            if (int const code = print(moved_text(screen, row) + "\n")) return code;
        } else {
            std::string const who = whole(number_field(row, "pid"));
            (void)report(given,
                Trouble{Exit::failed,
                    fmt::format("{}: {}{}", who, text_field(row, "error").value_or(""),
                        text_field(row, "reason") ? fmt::format(" ({})", *text_field(row, "reason"))
                                                  : "")});
        }
    }
    return static_cast<int>(worst.code);
}

int run(Given const& given) {
    if (int const code = check_pid(given)) return code;
    client::MoveRequest request;
    request.pid = given.arguments[0];
    request.to = given.arguments[1];
    request.all = given.has("--all");
    request.wait = !given.has("--no-wait");
    if (auto text = given.value("--freeze")) {
        Result<Nanos> const freeze = parse_duration(*text);
        if (!freeze || *freeze <= Nanos(0))
            return usage(given, "--freeze takes a duration such as 10ms");
        request.freeze_ms = std::chrono::duration<double, std::milli>(*freeze).count();
    }

    Asked<Json> answer =
        client::call("POST", "/v1/move", client::body_of(request), client::Patience::patient);
    if (!answer) {
        Result<Json> const members = client::parse_json(answer.error().members);
        if (request.all && members && members->is_array())
            return report_members(given, rows_of(*members), answer.error());
        return report(given, answer.error());
    }
    std::vector<Json> const rows = rows_of(*answer);
    int worst = 0;
    for (Json const& row : rows)
        worst = std::max(worst, code_of(row));
    if (worst) {
        Trouble some{static_cast<Exit>(worst), "not every process of the program was moved"};
        some.members = client::print_json(shaped_rows(*answer, shape));
        return report_members(given, rows, some);
    }
    if (given.json)
        return print(
            client::print_json(request.all ? shaped_rows(*answer, shape)
                                           : shaped(rows.empty() ? Json() : rows[0], shape)) +
            "\n");
    if (!request.wait) return 0; // it was asked for; `rove ps` shows it move
    Screen const screen = Screen::of_output();
    for (Json const& row : rows)
        if (int const code = print(moved_text(screen, row) + "\n")) return code;
    return 0;
}

Argument const arguments[] = {
    {"PID", Kind::pid, Need::must}, {"NODE|home|best", Kind::place, Need::must}};
Option const options[] = {
    {"--all", "-a", nullptr, Kind::text, "its descendants, too; each is reported"},
    {"--no-wait", nullptr, nullptr, Kind::text, "do not wait until it has been moved"},
    {"--freeze", nullptr, "T", Kind::text,
        "how long it may stand still, if that can be had (10ms)"},
};

} // namespace

Verb const move_verb{"move", "move a process to another node, or home", arguments, options,
    "Moves a running process and waits until it runs there. It notices nothing: its files,\n"
    "its terminal, its parent and children stay what they are. 'home' is where it was\n"
    "started, 'best' the node with the most to offer. Prints from where to where, how much\n"
    "went over the network, how long it took and how long the process stood still.\n\n"
    "    rove move 12345 n2\n"
    "    rove move n1:12345 home      (a process whose home is n1, asked elsewhere)\n\n"
    "A process that cannot be away now stays where it is (exit code 3, with the reason).",
    run};

} // namespace rove::cli
