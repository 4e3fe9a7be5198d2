// SPDX-License-Identifier: Apache-2.0
// CPU time: what the process has used is home's part, which home's kernel tells, and the parts of
// its stays away. Home's part is what its deputy uses for us: it stands still as long as home is
// asked for nothing, so that a clock that is read again and again costs no round trip.
#include "guest/guest.hh"

namespace rove::guest {

namespace {

constexpr uint32_t process = 2, thread = 3; // CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID

int64_t shown_here(uint32_t clock) {
    int64_t time[2] = {};
    sys(228, clock, time);
    return time[0] * 1000000000 + time[1];
}

int64_t used_away(Slot const& slot, uint32_t clock) {
    int64_t before = clock == process ? control().cpu_before_ns : slot.thread.cpu_before_ns;
    return before + shown_here(clock);
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

void begin_account(Slot& slot) {
    control().cpu_before_ns -= shown_here(process);
    slot.thread.cpu_before_ns -= shown_here(thread);
}

void note_cpu_time(Slot& slot) {
    slot.thread.cpu_here_ns = shown_here(thread);
}

bool tell_cpu_time(Slot& slot, uint64_t const args[6], long* result) {
    auto const clock = static_cast<uint32_t>(args[0]);
    auto const& mine = own(slot);
    if (mine.home_cpu_as_of[clock == thread] != control().exchanged || control().exchanged == 0)
        return false;
    int64_t const used = mine.home_cpu_ns[clock == thread] + used_away(slot, clock);
    int64_t const time[2] = {used / 1000000000, used % 1000000000};
    *result = copy_out(args[1], time, sizeof time) ? 0 : -14;
    return true;
}

void add_cpu_time(Slot& slot, uint32_t nr, uint64_t const args[6], uint64_t before) {
    switch (nr) {
    case 228: // clock_gettime
        if (args[0] == process || args[0] == thread) {
            int64_t time[2];
            if (copy_in(time, args[1], sizeof time)) {
                auto& mine = own(slot);
                bool const which = args[0] == thread;
                mine.home_cpu_ns[which] = time[0] * 1000000000 + time[1];
                // The question and its answer. If another thread has asked something meanwhile,
                // this is old already.
                mine.home_cpu_as_of[which] = before + 2;
                // The other clock lacks what this question cost, as it does when it is asked
                // itself: who reads both in turn asks once for each.
                if (mine.home_cpu_as_of[!which] == before && before != 0)
                    mine.home_cpu_as_of[!which] = before + 2;
            }
            add_time(args[1], used_away(slot, static_cast<uint32_t>(args[0])), 1000000000);
        }
        break;
    case 98: // getrusage: all of it counts as user time
        if (args[0] == 0 || args[0] == 1)
            add_time(args[1], used_away(slot, args[0] == 0 ? process : thread), 1000000);
        break;
    case 100: { // times, in ticks of 10 ms
        int64_t ticks = 0;
        if (args[0] == 0 || !copy_in(&ticks, args[0], sizeof ticks)) break;
        ticks += used_away(slot, process) / 10000000;
        (void)copy_out(args[0], &ticks, sizeof ticks);
        break;
    }
    default:
        break;
    }
}

} // namespace rove::guest
