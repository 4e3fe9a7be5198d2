// SPDX-License-Identifier: Apache-2.0
// Log: the line and its sink.
#include "base/log.hh"

#include <ctime>
#include <unistd.h>

#include "base/clock.hh"
#include "base/recorder.hh"

namespace rove {

namespace {
struct Sink {
    int fd = 2;
    Level threshold = Level::note;
    std::string name = "rove";
};
Sink sink;
constexpr char const* level_names[] = {"debug", "note", "warn", "error"};
} // namespace

void log_to(int fd, Level threshold, std::string name) {
    sink = Sink{fd, threshold, std::move(name)};
}

bool log_wants(Level level) {
    return level >= sink.threshold;
}

void log_line(Level level, std::string_view text) {
    record_text(text);
    Nanos now = real_now();
    time_t seconds = now.count() / 1000000000;
    tm parts{};
    (void)gmtime_r(&seconds, &parts);
    std::string line =
        fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03} {} {}: ", parts.tm_year + 1900,
            parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
            now.count() / 1000000 % 1000, level_names[static_cast<int>(level)], sink.name);
    for (char c : text)
        line += c == '\n' ? ' ' : c;
    line += '\n';
    (void)!::write(sink.fd, line.data(), line.size());
}

} // namespace rove
