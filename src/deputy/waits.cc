// SPDX-License-Identifier: Apache-2.0
// Waits: what a thread was waiting in when it was moved is waited for to its end at home.
//
// A wait whose call has an absolute time, or none, is simply made again by the program; so is one
// whose time is in a register, which gets what is left. Where it is in a struct timespec of the
// program's, the deputy makes the call in here. Of the
// others the kernel keeps the rest of the time, in the thread's restart block: the deputy begins
// such a wait with all signals blocked, and the steward, which interrupts it, puts the program's
// registers in its place and leaves the kernel's own wish to restart (Body::wake_in_program). So
// the program's handlers run on top of the program, and what unwinds its stack finds it whole. A
// call whose number does not stand in front of it would not be known again at the next departure:
// it ends in here.
#include "abi/x86_64/call_site.hh"
#include "deputy/deputy.hh"
#include "rt/memory.hh"

namespace rove::deputy {

namespace {

constexpr uint32_t sys_poll = 7, sys_nanosleep = 35, sys_futex = 202, sys_restart = 219,
                   sys_clock_nanosleep = 230;
constexpr uint32_t sys_sigtimedwait = 128, sys_semtimedop = 220, sys_epoll_wait = 232,
                   sys_epoll_pwait = 281, sys_epoll_pwait2 = 441;
constexpr uint32_t futex_wait = 0, futex_wait_bitset = 9, futex_commands = 0x7f;

struct Time {
    int64_t seconds, ns;
};
Time time_of(int64_t ns) {
    return {ns / 1000000000, ns % 1000000000};
}

int64_t time_left(uint64_t clock, uint64_t deadline_ns) {
    Time now{};
    sys(228, clock, &now);
    int64_t left = static_cast<int64_t>(deadline_ns) - (now.seconds * 1000000000 + now.ns);
    return left > 0 ? left : 0;
}

/// Does the program's text say which call it is?
bool known_again(uint64_t rip, uint32_t one, uint32_t other) {
    unsigned char code[abi::call_site_size];
    rt::Vector here{word(code), sizeof code}, there{rip - sizeof code, sizeof code};
    if (sys(310, control().pid, &here, 1, &there, 1, 0) != static_cast<long>(sizeof code))
        return false; // process_vm_readv
    int number = abi::number_at_call_site(code);
    return number == static_cast<int>(one) || number == static_cast<int>(other);
}

void make_again(Slot& slot, rt::UserContext& user, uint32_t nr, wire::Restart meant) {
    user.rip -= 2;
    user.rax = nr;
    slot.thread.called_off = {user.rip, meant, 0};
}

bool reads_timespec(uint32_t nr) {
    return nr == sys_sigtimedwait || nr == sys_semtimedop || nr == sys_epoll_pwait2;
}

/// With what is left of its time.
long wait_again(Slot const& slot, rt::UserContext const& user, uint32_t nr) {
    Time left = time_of(time_left(1, slot.thread.deadline_ns));
    uint64_t time = word(&left);
    bool third = nr == sys_sigtimedwait;
    return sys(
        nr, user.rdi, user.rsi, third ? time : user.rdx, third ? user.r10 : time, user.r8, user.r9);
}

void unblock(Slot& slot) {
    uint64_t mask = slot.thread.mask;
    sys(14, 2, &mask, 0, 8);
}

/// A wait in here although the program's handlers may run meanwhile.
long wait_here(Slot& slot, rt::UserContext const& user, uint32_t nr) {
    auto& t = slot.thread;
    unblock(slot);
    if (nr == sys_restart) return sys(nr);
    Time until = time_of(static_cast<int64_t>(t.deadline_ns));
    if (nr == sys_futex) {
        uint64_t op = (user.rsi & ~uint64_t{futex_commands}) | futex_wait_bitset;
        return sys(nr, user.rdi, op, user.rdx, &until, 0, 0xffffffff);
    }
    long result = sys(nr, t.sleep_clock, 1, &until, 0);
    if (result == -4 && t.sleep_remaining != 0)
        *reinterpret_cast<Time*>(t.sleep_remaining) =
            time_of(time_left(t.sleep_clock, t.deadline_ns));
    return result;
}

/// Begins it as the program would, so that the kernel has its restart block.
long wait_for_steward(Slot& slot, rt::UserContext const& user, uint32_t nr) {
    auto& t = slot.thread;
    uint64_t clock = nr == sys_futex ? 1 : t.sleep_clock;
    Time left = time_of(nr == sys_restart ? 0 : time_left(clock, t.deadline_ns));
    uint64_t args[6] = {};
    if (nr == sys_clock_nanosleep) {
        args[0] = clock;
        args[2] = word(&left);
        args[3] = t.sleep_remaining;
    } else if (nr == sys_futex) {
        args[0] = user.rdi;
        args[1] = user.rsi;
        args[2] = user.rdx;
        args[3] = word(&left);
    }
    // The program's floating-point state; nothing in here touches it, and the steward sets the
    // rest.
    auto const* words =
        reinterpret_cast<rt::XsaveWords const*>(user.fpstate + rt::xsave_words_offset);
    auto features = words->features;
    asm volatile("xrstor64 (%0)"
                 :
                 : "r"(user.fpstate), "a"(static_cast<uint32_t>(features)),
                 "d"(static_cast<uint32_t>(features >> 32))
                 : "memory");
    uint32_t never = 0, outcome = 0;
    return rove_call(nr, args, &never, &outcome);
}

} // namespace

namespace {
/// What the kernel does about an interrupted one. Those with priority inheritance are always made
/// again.
wire::Restart futex_restart(uint64_t operation, bool has_time) {
    constexpr uint64_t lock_pi = 6, wait_requeue_pi = 11, lock_pi2 = 13;
    if (operation == lock_pi || operation == wait_requeue_pi || operation == lock_pi2)
        return wire::restart_no_intr;
    return has_time ? wire::restart_block : wire::restart_sys;
}
} // namespace

Wait wait_owed(Slot& slot, rt::UserContext& user) {
    auto& t = slot.thread;
    auto relative = [&user](uint32_t one, uint32_t other) {
        return known_again(user.rip, one, other) ? Wait::in_program : Wait::here;
    };
    if (slot.private_words[wire::restart_word] != 0)
        return t.rest_call == sys_poll ? relative(sys_poll, sys_poll)
                                       : relative(sys_nanosleep, sys_clock_nanosleep);
    switch (t.pending) {
    case wire::Pending::rest:
        return Wait::here;
    case wire::Pending::sleep:
        if (t.has_deadline == 1) return relative(sys_nanosleep, sys_clock_nanosleep);
        make_again(slot, user, sys_clock_nanosleep, wire::restart_no_hand);
        break;
    case wire::Pending::futex:
        if (t.has_deadline && (user.rsi & futex_commands) == futex_wait)
            return relative(sys_futex, sys_futex);
        make_again(slot, user, sys_futex, futex_restart(user.rsi & futex_commands, t.has_deadline));
        break;
    case wire::Pending::none:
        if (t.called_off.at != user.rip || !reads_timespec(t.called_off.timed)) break;
        t.rest_call = t.called_off.timed;
        t.rest_done = 0;
        t.pending = wire::Pending::rest;
        user.rip += 2;
        return Wait::here;
    case wire::Pending::call:
    default:
        break;
    }
    t.pending = wire::Pending::none;
    return Wait::none;
}

void note_timed_call(Slot& slot, rt::UserContext& user) {
    auto const& t = slot.thread;
    slot.private_words[wire::sleeps_word] = 0;
    bool polls = t.called_off.timed == sys_poll;
    if (t.called_off.at != user.rip ||
        (!polls && t.called_off.timed != sys_epoll_wait && t.called_off.timed != sys_epoll_pwait))
        return;
    auto left = static_cast<uint64_t>((time_left(1, t.deadline_ns) + 999999) / 1000000);
    (polls ? user.rdx : user.r10) = left;
    struct {
        int64_t times[4];
        int64_t counts[14];
    } usage;
    constexpr int voluntary_switches = 12, of_thread = 1;
    if (left == 0 || sys(98, of_thread, &usage) != 0) return; // getrusage
    slot.private_words[wire::time_word] = left;
    slot.private_words[wire::sleeps_word] =
        1 + static_cast<uint64_t>(usage.counts[voluntary_switches]);
}

void finish_wait(Slot& slot, rt::UserContext& user, Wait wait) {
    if (wait == Wait::none) return;
    auto& t = slot.thread;
    bool owed = slot.private_words[wire::restart_word] != 0;
    uint32_t nr = owed                                ? sys_restart
                  : t.pending == wire::Pending::sleep ? sys_clock_nanosleep
                                                      : sys_futex;
    long result;
    if (wait == Wait::in_program) {
        result = wait_for_steward(slot, user, nr);
        rt::set_state(slot, SlotState::leaving);
    } else if (!owed && t.pending == wire::Pending::rest) {
        unblock(slot);
        result = reads_timespec(t.rest_call) ? wait_again(slot, user, t.rest_call)
                                             : finish_transfer(t.rest_call, user, t.rest_done);
    } else {
        result = wait_here(slot, user, nr);
    }
    user.rax = static_cast<uint64_t>(result);
    slot.private_words[wire::restart_word] = 0;
    t.pending = wire::Pending::none;
}

} // namespace rove::deputy
