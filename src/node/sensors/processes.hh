// SPDX-License-Identifier: Apache-2.0
// ProcessSensor: what single processes do here: CPU time, waiting for it, page faults, bytes,
// memory.
//
// Their files stay open from one sample to the next. Who is not asked for any more is forgotten.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string_view>

#include <sys/types.h>

#include "base/clock.hh"
#include "node/sensors/thread_times.hh"
#include "policy/history.hh"
#include "sys/kept_file.hh"

namespace rove::node {

// What is of interest in a /proc/PID/stat text.
struct Activity {
    uint64_t cpu_ticks = 0; // of threads that have ended, too
    uint64_t faults = 0;    // that read something
    long threads = 0;
    uint64_t resident_pages = 0;
    // Where its program and its first stack begin: other places, another program.
    uint64_t code = 0, stack = 0;
};
std::optional<Activity> parse_activity(std::string_view stat);

// "rchar" and "wchar" of a /proc/PID/io text: what went through its calls.
std::optional<uint64_t> parse_read_written(std::string_view io);
// VmSwap of a /proc/PID/status text, in bytes; 0 if there is none.
uint64_t parse_swapped(std::string_view status);

class ProcessSensor {
public:
    // What each has done since it was sampled before; those that are new, or have ended, are left
    // out. Calls and messages are counted elsewhere.
    std::map<pid_t, policy::Counted> sample(std::span<pid_t const> pids, Nanos now);

    // Of the last sample. Memory is what is resident and what is swapped out.
    std::optional<uint64_t> memory(pid_t pid) const;
    // Whether it has begun another program since it was sampled before: what is known of its past
    // is of no use.
    bool executed(pid_t pid) const;

private:
    struct Watched {
        explicit Watched(pid_t pid);
        sys::KeptFile stat, schedstat, io, status;
        ThreadTimes times;
        Activity last;
        uint64_t read_written = 0, swapped = 0;
        Nanos at{-1};
        unsigned samples = 0;
        bool executed = false;
    };
    static std::optional<policy::Counted> look(pid_t pid, Watched& watched, Nanos now);
    std::map<pid_t, Watched> watched_;
};

} // namespace rove::node
