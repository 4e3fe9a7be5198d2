// SPDX-License-Identifier: Apache-2.0
// ProcessSensor: reading, and what it means.
#include "node/sensors/processes.hh"

#include <algorithm>

#include <fmt/format.h>
#include <unistd.h>

#include "base/text.hh"
#include "node/sensors/threads_of.hh"
#include "sys/cgroup_files.hh"

namespace rove::node {

namespace {

constexpr unsigned status_every = 8; // samples: it is the dearest of the files

double seconds(uint64_t ns) {
    return static_cast<double>(ns) / 1e9;
}

double ticks_in_seconds(uint64_t ticks) {
    static double const per_second = static_cast<double>(::sysconf(_SC_CLK_TCK));
    return static_cast<double>(ticks) / per_second;
}

uint64_t since(uint64_t now, uint64_t before) {
    return now - std::min(now, before);
}

std::optional<uint64_t> number_at(std::vector<std::string_view> const& fields, size_t place) {
    auto number = parse_number<uint64_t>(fields[place]);
    return number ? std::optional(*number) : std::nullopt;
}

} // namespace

std::optional<Activity> parse_activity(std::string_view stat) {
    // The name may hold anything, so the rest is counted from its last parenthesis.
    size_t end = stat.rfind(')');
    if (end == std::string_view::npos) return std::nullopt;
    auto fields = words(stat.substr(end + 1));
    constexpr size_t first = 3; // as proc(5) counts
    if (fields.size() < 29 - first) return std::nullopt;
    auto user = number_at(fields, 14 - first), system = number_at(fields, 15 - first);
    auto faults = number_at(fields, 12 - first), resident = number_at(fields, 24 - first);
    auto code = number_at(fields, 26 - first), stack = number_at(fields, 28 - first);
    auto threads = parse_number<long>(fields[20 - first]);
    if (!user || !system || !faults || !resident || !code || !stack || !threads)
        return std::nullopt;
    return Activity{*user + *system, *faults, *threads, *resident, *code, *stack};
}

std::optional<uint64_t> parse_read_written(std::string_view io) {
    auto read = sys::parse_keyed(io, "rchar:"), written = sys::parse_keyed(io, "wchar:");
    if (!read || !written) return std::nullopt;
    return *read + *written;
}

uint64_t parse_swapped(std::string_view status) {
    for (std::string_view line : lines(status)) {
        auto fields = words(line);
        if (fields.size() < 2 || fields[0] != "VmSwap:") continue;
        auto kilobytes = parse_number<uint64_t>(fields[1]);
        return kilobytes ? *kilobytes * 1024 : 0;
    }
    return 0;
}

ProcessSensor::Watched::Watched(pid_t pid)
    : stat(fmt::format("/proc/{}/stat", pid)),
      schedstat(fmt::format("/proc/{}/schedstat", pid)),
      io(fmt::format("/proc/{}/io", pid)),
      status(fmt::format("/proc/{}/status", pid)) {}

// None if it has ended, or was not known.
std::optional<policy::Counted> ProcessSensor::look(pid_t pid, Watched& watched, Nanos now) {
    char text[4096];
    auto activity = parse_activity(watched.stat.read(text));
    if (!activity) {
        watched.at = Nanos(-1);
        return std::nullopt;
    }
    watched.times.begin_look(now);
    if (activity->threads == 1) {
        if (auto time = parse_schedstat(watched.schedstat.read(text)))
            watched.times.saw(pid, *time);
    } else {
        ThreadsOf threads(pid);
        while (auto thread = threads.next())
            if (auto time = parse_schedstat(thread->schedstat))
                watched.times.saw(thread->tid, *time);
    }
    auto done = watched.times.end_look();
    auto through_calls = parse_read_written(watched.io.read(text)).value_or(watched.read_written);
    if (watched.samples++ % status_every == 0)
        watched.swapped = parse_swapped(watched.status.read(text));

    Activity before = std::exchange(watched.last, *activity);
    uint64_t bytes_before = std::exchange(watched.read_written, through_calls);
    Nanos last = std::exchange(watched.at, now);
    watched.executed = done && (before.code != activity->code || before.stack != activity->stack);
    if (!done || last.count() < 0 || now <= last) return std::nullopt;

    policy::Counted counted;
    counted.passed_s = std::chrono::duration<double>(now - last).count();
    // Exact, but without threads that have ended meanwhile; those are in the other, to a tick.
    double exact = seconds(done->run_ns),
           all = ticks_in_seconds(since(activity->cpu_ticks, before.cpu_ticks));
    constexpr double tick_error_s = 0.02;
    counted.cpu_s = all > exact + tick_error_s ? all : exact;
    counted.wanted_s = counted.cpu_s + seconds(done->wait_ns);
    counted.faults = static_cast<double>(since(activity->faults, before.faults));
    counted.read_written = static_cast<double>(since(through_calls, bytes_before));
    return counted;
}

std::map<pid_t, policy::Counted> ProcessSensor::sample(std::span<pid_t const> pids, Nanos now) {
    std::map<pid_t, policy::Counted> counted;
    std::map<pid_t, Watched> still;
    for (pid_t pid : pids) {
        auto known = watched_.extract(pid);
        // Its files cannot be read any more: the number may be another process's by now.
        if (known && known.mapped().at.count() < 0) known = {};
        auto place =
            known ? still.insert(std::move(known)).position : still.try_emplace(pid, pid).first;
        if (auto done = look(pid, place->second, now)) counted[pid] = *done;
    }
    watched_ = std::move(still);
    return counted;
}

std::optional<uint64_t> ProcessSensor::memory(pid_t pid) const {
    static auto const page = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
    auto found = watched_.find(pid);
    if (found == watched_.end() || found->second.at.count() < 0) return std::nullopt;
    return found->second.last.resident_pages * page + found->second.swapped;
}

bool ProcessSensor::executed(pid_t pid) const {
    auto found = watched_.find(pid);
    return found != watched_.end() && found->second.executed;
}

} // namespace rove::node
