// SPDX-License-Identifier: Apache-2.0
// Thread times: how long threads ran and waited for a core since they were looked at before.
//
// The kernel adds both up for each thread, to the nanosecond, so nothing is missed between two
// looks but threads that began and ended there. But one that goes to sleep just as the quota of its
// group is used up is counted as waiting for as long as it sleeps, all at once when it wakes (seen
// on Linux 6.18, once in some hundred times). So nobody is believed to have waited for longer than
// since the look before.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_map>

#include <sys/types.h>

#include "base/clock.hh"

namespace rove::node {

struct ThreadTime {
    uint64_t run_ns = 0, wait_ns = 0;
};
// A /proc/PID/task/TID/schedstat text: "RUN WAIT SLICES".
std::optional<ThreadTime> parse_schedstat(std::string_view text);

class ThreadTimes {
public:
    // A look at all threads: begin, each of them, end.
    void begin_look(Nanos now);
    void saw(pid_t thread, ThreadTime const& total);
    // What they did since the look before; nothing is known at the first one.
    std::optional<ThreadTime> end_look();

private:
    struct Last {
        ThreadTime total;
        uint64_t look = 0;
    };
    std::unordered_map<pid_t, Last> threads_;
    uint64_t look_ = 1;
    Nanos looked_{};
    uint64_t passed_ns_ = 0; // since the look before
    ThreadTime seen_;
};

} // namespace rove::node
