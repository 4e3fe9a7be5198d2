// SPDX-License-Identifier: Apache-2.0
// Clocks: clock_gettime, clock_getres and clock_nanosleep by clock; timers that count CPU time.
#include "abi/x86_64/numbers.hh"
#include "syscalls/builder.hh"

namespace rove::syscalls {

namespace {

enum class Clock { machine, cpu, device };

Clock clock_of(uint64_t id) {
    constexpr int32_t process_cpu = 2, thread_cpu = 3, clocks = 12;
    constexpr int32_t kind_of_descriptor = 3; // CLOCKFD: the low bits of a negative id
    auto const clock = static_cast<int32_t>(id);
    if (clock < 0) return (clock & 7) == kind_of_descriptor ? Clock::device : Clock::cpu;
    return clock == process_cpu || clock == thread_cpu ? Clock::cpu
           : clock < clocks                            ? Clock::machine
                                                       : Clock::device;
}

constexpr uint64_t timespec_bytes = 16, itimerval_bytes = 32, sigevent_bytes = 64;

} // namespace

/// Machine clocks tick here as they do at home. CPU time is what was used there and here, so the
/// guest adds.
WALKER(clock) {
    Plan& plan = build.plan;
    Clock const clock = clock_of(plan.args[0]);
    if (clock == Clock::machine) return Verdict::local;
    if (plan.nr == abi::nr_clock_nanosleep) {
        build.in(argument(2), plan.args[2], timespec_bytes);
        build.inout(argument(3), plan.args[3], timespec_bytes, flag_on_error | flag_forgiving);
        return clock == Clock::cpu ? Verdict::comes_home : Verdict::forward;
    }
    build.out(argument(1), plan.args[1], timespec_bytes);
    return clock == Clock::cpu ? Verdict::special : Verdict::forward;
}

/// ITIMER_REAL runs at home. The others count CPU time, which is used here.
WALKER(itimer) {
    Plan& plan = build.plan;
    if (static_cast<uint32_t>(plan.args[0]) == 1 || static_cast<uint32_t>(plan.args[0]) == 2)
        return Verdict::comes_home;
    build.in(argument(1), plan.args[1], itimerval_bytes);
    build.out(argument(2), plan.args[2], itimerval_bytes);
    return Verdict::forward;
}

/// timer_create(clock, event, id) and mq_notify(queue, event).
WALKER(sigevent) {
    Plan& plan = build.plan;
    struct Event {
        uint64_t value;
        int32_t signal, notify;
        uint8_t rest[48];
    };
    static_assert(sizeof(Event) == sigevent_bytes);
    constexpr int32_t notify_thread = 2;
    constexpr uint64_t cookie_bytes = 32; // NOTIFY_COOKIE_LEN
    bool const timer = plan.nr == abi::nr_timer_create;
    if (timer) {
        if (clock_of(plan.args[0]) == Clock::cpu) return Verdict::comes_home;
        build.in(argument(1), plan.args[1], sigevent_bytes);
        build.out(argument(2), plan.args[2], 4);
        return Verdict::forward;
    }
    auto* const event = static_cast<Event*>(build.local(sizeof(Event)));
    if (!event || !build.read_or_hole(argument(1), event, plan.args[1], sizeof *event))
        return Verdict::forward;
    int const index = build.in(argument(1), reinterpret_cast<uint64_t>(event), sizeof *event);
    if (event->notify ==
        notify_thread) // the value is a pointer to what will be sent through a socket
        build.in(inside(index, 0), event->value, cookie_bytes);
    return Verdict::forward;
}

} // namespace rove::syscalls
