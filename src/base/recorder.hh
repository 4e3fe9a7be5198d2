// SPDX-License-Identifier: Apache-2.0
// Flight recorder: the last events of this thread, kept in a ring, printed when a CHECK fails.
//
// Recording costs one formatting and no system call; nothing is printed while all goes well.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <fmt/core.h>

namespace rove {

constexpr int recorder_events_max = 64;
constexpr int recorder_text_max = 112;

void record_text(std::string_view text);

template <class... Args> void record(fmt::format_string<Args...> text, Args&&... args) {
    char line[recorder_text_max];
    auto end = fmt::format_to_n(line, sizeof line, text, std::forward<Args>(args)...);
    record_text(std::string_view(line, static_cast<size_t>(end.out - line)));
}

// Oldest first, one line each: "12.000345 text".
std::string recorded();

// Writes recorded() to fd without allocating: it may run in a process that is about to die.
void dump_recorder(int fd);

} // namespace rove
