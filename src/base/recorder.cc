// SPDX-License-Identifier: Apache-2.0
// Flight recorder: the ring itself.
#include "base/recorder.hh"

#include <algorithm>
#include <cstring>

#include <unistd.h>

#include "base/clock.hh"

namespace rove {

namespace {
struct Event {
    Nanos at{0};
    char text[recorder_text_max] = {};
    uint8_t length = 0;
};
struct Ring {
    Event events[recorder_events_max];
    uint64_t count = 0;
};
thread_local Ring ring;

template <class Sink> void each_line(Sink sink) {
    uint64_t first = ring.count > recorder_events_max ? ring.count - recorder_events_max : 0;
    for (uint64_t at = first; at < ring.count; ++at) {
        Event const& event = ring.events[at % recorder_events_max];
        char line[recorder_text_max + 40];
        auto end =
            fmt::format_to_n(line, sizeof line, "{}.{:06} {}\n", event.at.count() / 1000000000,
                event.at.count() % 1000000000 / 1000, std::string_view(event.text, event.length));
        sink(std::string_view(line, static_cast<size_t>(end.out - line)));
    }
}
} // namespace

void record_text(std::string_view text) {
    Event& event = ring.events[ring.count++ % recorder_events_max];
    event.at = monotonic_now();
    size_t length = std::min(text.size(), sizeof event.text);
    std::memcpy(event.text, text.data(), length);
    event.length = static_cast<uint8_t>(length);
}

std::string recorded() {
    std::string all;
    each_line([&](std::string_view line) { all += line; });
    return all;
}

void dump_recorder(int fd) {
    each_line([&](std::string_view line) { (void)!::write(fd, line.data(), line.size()); });
}

} // namespace rove
