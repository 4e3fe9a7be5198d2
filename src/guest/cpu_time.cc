// SPDX-License-Identifier: Apache-2.0
// CPU time: what the process has used is home's part, which home's kernel tells, and the part here.
#include "guest/guest.hh"

namespace rove::guest {

namespace {

int64_t used_here(uint32_t clock) {
    int64_t time[2] = {};
    sys(228, clock, time);
    return time[0] * 1000000000 + time[1];
}

/// Adds `extra` to a {seconds, parts} pair in the program's memory; parts_per_second 10^9 or 10^6.
void add_time(uint64_t at, int64_t extra, int64_t parts_per_second) {
    int64_t time[2];
    if (at == 0 || !copy_in(time, at, sizeof time)) return;
    int64_t parts = time[1] + extra % 1000000000 / (1000000000 / parts_per_second);
    time[0] += extra / 1000000000 + parts / parts_per_second;
    time[1] = parts % parts_per_second;
    (void)copy_out(at, time, sizeof time);
}

} // namespace

void add_cpu_time(uint32_t nr, uint64_t const args[6]) {
    constexpr uint32_t process = 2, thread = 3; // CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID
    switch (nr) {
    case 228: // clock_gettime
        if (args[0] == process || args[0] == thread) {
            add_time(args[1], used_here(static_cast<uint32_t>(args[0])), 1000000000);
        }
        break;
    case 98: // getrusage: all of it counts as user time
        if (args[0] == 0 || args[0] == 1) add_time(args[1], used_here(args[0] == 0 ? process : thread), 1000000);
        break;
    case 100: { // times, in ticks of 10 ms
        int64_t ticks = 0;
        if (args[0] == 0 || !copy_in(&ticks, args[0], sizeof ticks)) break;
        ticks += used_here(process) / 10000000;
        (void)copy_out(args[0], &ticks, sizeof ticks);
        break;
    }
    default: break;
    }
}

} // namespace rove::guest
