// SPDX-License-Identifier: Apache-2.0
// Wall clock: home's, on a host whose own tells another time.
//
// The kernel has no namespace for CLOCK_REALTIME. Where the two differ by little, the program reads
// the host's without a trap; else its filter lets it come here, and its vdso makes calls (warden).
#include "guest/guest.hh"

#include "rt/memory.hh"

namespace rove::guest {

namespace {
constexpr int64_t second = 1000000000;
constexpr uint32_t realtime = 0, realtime_coarse = 5, tai = 11;
constexpr uint32_t sys_gettimeofday = 96, sys_time = 201, sys_clock_gettime = 228;

// In units of which `per_second` make a second.
void advance(int64_t (&time)[2], int64_t per_second) {
    int64_t unit = second / per_second;
    int64_t ns = time[1] * unit + wall_ahead();
    int64_t seconds = ns / second;
    ns %= second;
    if (ns < 0) {
        ns += second;
        --seconds;
    }
    time[0] += seconds;
    time[1] = ns / unit;
}

} // namespace

int64_t wall_ahead() {
    return static_cast<int64_t>(control().realtime_offset_ns);
}

bool is_wall_clock(uint32_t clock) {
    return clock == realtime || clock == realtime_coarse || clock == tai;
}

bool tells_wall_clock(uint32_t nr, uint64_t const args[6]) {
    if (wall_ahead() == 0) return false;
    return nr == sys_gettimeofday || nr == sys_time ||
           (nr == sys_clock_gettime && is_wall_clock(static_cast<uint32_t>(args[0])));
}

long tell_wall_clock(uint32_t nr, uint64_t const args[6]) {
    int64_t time[2] = {};
    if (nr == sys_time) {
        sys(sys_clock_gettime, realtime_coarse, time);
        advance(time, second);
        if (args[0] != 0 && !copy_out(args[0], time, sizeof time[0])) return -14;
        return time[0];
    }
    bool day = nr == sys_gettimeofday;
    uint64_t at = args[day ? 0 : 1];
    long result =
        day ? sys(sys_gettimeofday, time, args[1]) : sys(sys_clock_gettime, args[0], time);
    if (result != 0 || (day && at == 0)) return result;
    advance(time, day ? 1000000 : second);
    return copy_out(at, time, sizeof time) ? 0 : -14;
}

} // namespace rove::guest
