// SPDX-License-Identifier: Apache-2.0
// The verb `events`: what happens on this node, one line each, as it happens.
#include <ctime>

#include <fmt/core.h>

#include "base/clock.hh"
#include "base/text.hh"
#include "base/units.hh"
#include "cli/answer.hh"
#include "cli/event_text.hh"
#include "cli/screen.hh"
#include "cli/verbs.hh"
#include "client/control.hh"
#include "client/http.hh"

namespace rove::cli {

namespace {

constexpr char const* shape[] = {"time", "node", "event", "pid", "from", "to", "figures"};

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
        code = print(given.json ? client::print_json(shaped(row, shape)) + "\n"
                                : event_text(screen, row) + "\n");
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
