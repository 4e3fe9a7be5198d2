// SPDX-License-Identifier: Apache-2.0
// The verb `events`: what happens on this node, one line each, as it happens.
#include <cmath>
#include <ctime>

#include <fmt/core.h>

#include "base/clock.hh"
#include "base/text.hh"
#include "base/units.hh"
#include "cli/answer.hh"
#include "cli/figures.hh"
#include "cli/figures_text.hh"
#include "cli/screen.hh"
#include "cli/verbs.hh"
#include "client/control.hh"
#include "client/http.hh"

namespace rove::cli {

namespace {

using client::field;
using client::number_field;
using client::text_field;

constexpr char const* shape[] = {"time", "node", "event", "pid", "from", "to", "figures"};

// Seconds since the epoch as a clock time of today; text as it is.
std::string time_text(Json const& row) {
    Figure seconds = number_field(row, "time");
    if (!seconds) return text_field(row, "time").value_or("-");
    if (*seconds > 1e11) *seconds /= 1000; // it was in milliseconds
    time_t const full = static_cast<time_t>(*seconds);
    tm local{};
    if (!localtime_r(&full, &local)) return "-";
    int const ms = static_cast<int>(std::fmod(*seconds, 1.0) * 1000);
    return fmt::format("{:02}:{:02}:{:02}.{:03}", local.tm_hour, local.tm_min, local.tm_sec, ms);
}

std::string line_text(Screen const& screen, Json const& row) {
    auto const shown = [&](char const* name) {
        return for_terminal(text_field(row, name).value_or(""), screen.utf8);
    };
    std::string text = fmt::format("{} {:<8} {:<12}", for_terminal(time_text(row), screen.utf8),
        shown("node"), shown("event"));
    if (number_field(row, "pid")) text += fmt::format(" {}", whole(number_field(row, "pid")));
    std::string const from = shown("from"), to = shown("to");
    if (!from.empty() && !to.empty())
        text += fmt::format(" {} {} {}", from, screen.arrow(), to);
    else if (!from.empty())
        text += fmt::format(" from {}", from);
    else if (!to.empty())
        text += fmt::format(" to {}", to);
    if (Json const* figures = field(row, "figures"); figures && !figures->is_null())
        text += "  " + for_terminal(figures_text(*figures), screen.utf8);
    while (text.back() == ' ')
        text.pop_back();
    return text + "\n";
}

// A duration ago ("10m") or seconds since the epoch ("@1700000000"), as seconds since the epoch.
std::optional<double> since_seconds(std::string_view text) {
    if (text.starts_with('@')) {
        Result<double> const at = parse_decimal(text.substr(1));
        return at ? std::optional<double>(*at) : std::nullopt;
    }
    Result<Nanos> const ago = parse_duration(text);
    if (!ago || ago->count() < 0) return std::nullopt;
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9 -
           static_cast<double>(ago->count()) / 1e9;
}

int run(Given const& given) {
    std::string path = "/v1/events";
    if (auto text = given.value("--since")) {
        std::optional<double> const since = since_seconds(*text);
        if (!since)
            return usage(given, fmt::format("'{}' is neither a time ago, such as 10m, nor @SECONDS",
                                    for_terminal(*text, true)));
        path += fmt::format("?since={:.3f}", *since);
    }
    Screen const screen = Screen::of_output();
    int code = 0;
    Asked<bool> ended = client::follow(path, [&](Json const& row) {
        code = print(
            given.json ? client::print_json(shaped(row, shape)) + "\n" : line_text(screen, row));
        return code == 0;
    });
    return ended ? code : report(given, ended.error());
}

Option const options[] = {{"--since", nullptr, "T", Kind::text,
    "begin with what happened since then: a time ago such as 10m, or @SECONDS of the epoch"}};

} // namespace

Verb const events_verb{"events", "show what happens on this node, as it happens", {}, options,
    "One line for each event, until ^C: moves, arrivals, confinements, deaths, decisions.\n"
    "With --json one object per line.",
    run};

} // namespace rove::cli
