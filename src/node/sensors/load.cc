// SPDX-License-Identifier: Apache-2.0
// Load: counting runnable threads and the cores for them.
#include "node/sensors/load.hh"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string>

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include "sys/cgroup.hh"

namespace rove::node {

char stat_state(std::string_view stat) {
    size_t end = stat.rfind(')');
    if (end == std::string_view::npos || end + 2 >= stat.size()) return '?';
    return stat[end + 2];
}

namespace {

// First bytes of a /proc file: the state stands early, and hundreds are read each time.
char state_of(int directory, char const* path) {
    int fd = ::openat(directory, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return '?';
    char buffer[128];
    ssize_t count = ::read(fd, buffer, sizeof buffer);
    (void)::close(fd);
    return count <= 0 ? '?' : stat_state({buffer, static_cast<size_t>(count)});
}

bool is_number(char const* name) {
    return name[0] >= '0' && name[0] <= '9';
}

unsigned runnable_in(int proc, char const* pid) {
    int fd =
        ::openat(proc, (std::string(pid) + "/task").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR* tasks = fd < 0 ? nullptr : ::fdopendir(fd);
    if (!tasks) return 0;
    unsigned count = 0;
    while (dirent const* entry = ::readdir(tasks)) {
        if (!is_number(entry->d_name)) continue;
        count += state_of(fd, (std::string(entry->d_name) + "/stat").c_str()) == 'R';
    }
    (void)::closedir(tasks);
    return count;
}

} // namespace

unsigned runnable_threads() {
    DIR* proc = ::opendir("/proc");
    if (!proc) return 0;
    unsigned count = 0;
    int own = ::getpid();
    while (dirent const* entry = ::readdir(proc))
        if (is_number(entry->d_name) && std::atoi(entry->d_name) != own)
            count += runnable_in(::dirfd(proc), entry->d_name);
    (void)::closedir(proc);
    return count;
}

double cores_available() {
    cpu_set_t set;
    double cores = ::sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    if (auto group = sys::Cgroup::own()) {
        if (auto limit = group->cpus_limit()) cores = std::min(cores, *limit);
        if (auto cpus = group->cpuset(); cpus && !cpus->empty())
            cores = std::min(cores, static_cast<double>(cpus->size()));
    }
    return std::max(cores, 0.01);
}

void Smoothed::add(double sample, Nanos now) {
    if (last_.count() < 0) {
        value_ = sample;
    } else {
        double seconds = std::chrono::duration<double>(now - last_).count();
        double constant = sample > value_ ? 2.0 : 5.0;
        value_ += (sample - value_) * (1 - std::exp(-seconds / constant));
    }
    last_ = now;
}

double measure_speed() {
    // Dependent multiplications and additions: what the core does in order, whatever its caches.
    // The best of several tries, in thread CPU time, so that a quota or a neighbour does not count.
    constexpr uint64_t rounds = 200000;
    double best = 0;
    for (int attempt = 0; attempt < 8; ++attempt) {
        Nanos begin = clock_now(CLOCK_THREAD_CPUTIME_ID);
        uint64_t value = static_cast<uint64_t>(attempt) + 1;
        for (uint64_t i = 0; i < rounds; ++i) {
            value = value * 6364136223846793005u + 1442695040888963407u;
            __asm__ volatile("" : "+r"(value));
        }
        double seconds =
            std::chrono::duration<double>(clock_now(CLOCK_THREAD_CPUTIME_ID) - begin).count();
        if (seconds > 0) best = std::max(best, static_cast<double>(rounds) / seconds);
    }
    return best / 1e9;
}

} // namespace rove::node
