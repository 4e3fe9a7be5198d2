// SPDX-License-Identifier: Apache-2.0
// Event text: what happened, in a line; see event_text.hh.
#include "cli/event_text.hh"

#include <cmath>
#include <ctime>

#include <fmt/core.h>

#include "cli/figures.hh"
#include "cli/figures_text.hh"

namespace rove::cli {

using client::field;
using client::Json;
using client::number_field;
using client::text_field;

namespace {

// Seconds since the epoch as a clock time of today; text as it is.
std::string time_text(Json const& row, Detail detail) {
    Figure seconds = number_field(row, "time");
    if (!seconds) return text_field(row, "time").value_or("-");
    if (*seconds > 1e11) *seconds /= 1000; // it was in milliseconds
    time_t const full = static_cast<time_t>(*seconds);
    tm local{};
    if (!localtime_r(&full, &local)) return "-";
    std::string const time =
        fmt::format("{:02}:{:02}:{:02}", local.tm_hour, local.tm_min, local.tm_sec);
    if (detail == Detail::brief) return time;
    int const ms = static_cast<int>(std::fmod(*seconds, 1.0) * 1000);
    return fmt::format("{}.{:03}", time, ms);
}

} // namespace

std::string event_text(Screen const& screen, Json const& row, Detail detail) {
    auto const shown = [&](char const* name) {
        return for_terminal(text_field(row, name).value_or(""), screen.utf8);
    };
    std::string text = for_terminal(time_text(row, detail), screen.utf8);
    if (detail == Detail::full) text += fmt::format(" {:<8}", shown("node"));
    text += fmt::format(" {:<12}", shown("event"));
    if (number_field(row, "pid")) text += fmt::format(" {}", whole(number_field(row, "pid")));
    std::string const from = shown("from"), to = shown("to");
    if (!from.empty() && !to.empty())
        text += fmt::format(" {} {} {}", from, screen.arrow(), to);
    else if (!from.empty())
        text += fmt::format(" from {}", from);
    else if (!to.empty())
        text += fmt::format(" to {}", to);
    Json const* figures = field(row, "figures");
    std::string const told = figures ? figures_text(*figures) : "-";
    if (told != "-") text += "  " + for_terminal(told, screen.utf8);
    while (text.back() == ' ')
        text.pop_back();
    return text;
}

} // namespace rove::cli
