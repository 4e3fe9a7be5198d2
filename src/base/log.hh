// SPDX-License-Identifier: Apache-2.0
// Log: one line per event, to one descriptor, for processes that have no daemon's logger.
//
// A line is `2026-01-31T12:00:00.123 warn steward-4711: text`, written by one write(2), so that
// lines of several processes in one file do not mix. Each line also goes to the flight recorder.
#pragma once

#include <string>
#include <string_view>

#include <fmt/core.h>

namespace rove {

enum class Level { debug, note, warn, error };

// Where this process logs, from which level on, and under which name. Standard error before that.
void log_to(int fd, Level threshold, std::string name);
bool log_wants(Level level);
void log_line(Level level, std::string_view text);

template <class... Args>
void log_event(Level level, fmt::format_string<Args...> text, Args&&... args) {
    log_line(level, fmt::format(text, std::forward<Args>(args)...));
}

} // namespace rove

// LOG(warn, "peer {} is gone", name): arguments are not evaluated below the threshold of the log.
#define LOG(level, ...)                                                                            \
    do {                                                                                           \
        if (::rove::log_wants(::rove::Level::level))                                               \
            ::rove::log_event(::rove::Level::level, __VA_ARGS__);                                  \
    } while (false)
