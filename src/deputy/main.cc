// SPDX-License-Identifier: Apache-2.0
// Main: a program thread becomes a deputy, and a deputy the program's thread again.
//
// On entering, the thread's registers lie in its slot as a signal frame; what only the thread
// itself can read of its state in the kernel it adds to the slot, and takes out of the kernel what
// would touch memory that is about to become empty (rseq, robust list, TID address). Leaving is the
// same backwards and ends in rt_sigreturn. No step needs a keeper to be alive: one that is lost
// while the move is being prepared means that the thread goes on natively.
#include "deputy/deputy.hh"

#include "rt/futex.hh"
#include "rt/memory.hh"

extern "C" {
[[noreturn]] void rove_leave_by_frame(rove::rt::UserFrame* frame);
void rove_deputy_main(rove::rt::Slot* slot);
}

namespace rove::deputy {

namespace {

uint32_t* phase_word() {
    return reinterpret_cast<uint32_t*>(&control().phase);
}

void record(Slot& slot) {
    auto& t = slot.thread;
    struct {
        uint64_t base;
        uint32_t flags, padding;
        uint64_t size;
    } stack{}, none{0, 2, 0, 0};
    sys(131, 0, &stack);
    t.altstack_base = stack.base;
    t.altstack_size = stack.size;
    t.altstack_flags = stack.flags & ~1u;
    sys(131, &none, 0);
    sys(274, 0, &t.robust_list, &t.robust_length);
    sys(273, 0, 24);
    t.clear_tid = 0;
    sys(157, 40, &t.clear_tid); // PR_GET_TID_ADDRESS
    sys(218, 0);
    if (t.rseq_address != 0) {
        if (sys(334, t.rseq_address, t.rseq_length, 1, t.rseq_signature) != 0) t.rseq_address = 0;
    }
    sys(157, 16, t.name);
    int death = 0;
    sys(157, 2, &death);
    t.pdeath_signal = static_cast<uint32_t>(death);
    auto* frame = reinterpret_cast<rt::UserFrame*>(slot.frame);
    t.mask = frame->context.mask & ~rt::never_blocked;
}

void record_process() {
    auto& c = control();
    for (uint32_t number = 1; number <= 64; ++number) {
        c.actions[number] = {};
        sys(13, number, 0, &c.actions[number], 8);
    }
    c.brk_now = static_cast<uint64_t>(sys(12, 0));
    c.cpu_timer = 0;
    for (int which = 1; which <= 2; ++which) { // ITIMER_VIRTUAL, ITIMER_PROF
        int64_t value[4] = {};
        if (sys(36, which, value) == 0 && (value[2] | value[3]) != 0) c.cpu_timer = 1;
    }
}

/// Waits for the phase to leave `preparing`.
Phase wait_go(Slot& slot) {
    rt::set_state(slot, SlotState::waiting);
    for (;;) {
        Phase now = rt::phase();
        if (now != Phase::preparing && now != Phase::none) return now;
        rt::futex_wait(phase_word(), static_cast<uint32_t>(now));
    }
}

/// One thread does it for the process, the others wait for it.
void actions_once(uint64_t want, void (*change)()) {
    auto* done = reinterpret_cast<uint32_t*>(&rt::slot_at(0).private_words[actions_word]);
    auto wanted = static_cast<uint32_t>(want);
    for (;;) {
        uint32_t now = __atomic_load_n(done, __ATOMIC_ACQUIRE);
        if (now == wanted) return;
        if (now != 100) { // 100: somebody is at it
            uint32_t expected = now;
            if (__atomic_compare_exchange_n(
                    done, &expected, 100u, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
                change();
                __atomic_store_n(done, wanted, __ATOMIC_RELEASE);
                rt::futex_wake(done);
                return;
            }
            continue;
        }
        rt::futex_wait(done, 100);
    }
}

/// By the last thread that has blocked all signals: a handler of the program must not run on a
/// deputy's stack.
void restore_actions_together() {
    auto& words = rt::slot_at(0).private_words;
    auto* done = reinterpret_cast<uint32_t*>(&words[actions_word]);
    bool last = __atomic_add_fetch(reinterpret_cast<uint32_t*>(&words[blocked_word]), 1,
                    __ATOMIC_ACQ_REL) >= control().threads;
    for (;;) {
        uint32_t now = __atomic_load_n(done, __ATOMIC_ACQUIRE);
        if (now == 0 || now == 2) return; // 0: they were never changed
        if (last) return actions_once(2, restore_actions);
        rt::futex_wait(done, now);
    }
}

/// The program must not see the porter, nor descriptors of ours: whoever is the last to leave has
/// it end, and all wait for that. Not for ever: to be seen is better than to hang.
void outlast_porter(Slot& own_slot) {
    Slot& zero = rt::slot_at(0);
    auto* left = reinterpret_cast<uint32_t*>(&zero.private_words[left_word]);
    if (__atomic_add_fetch(left, 1, __ATOMIC_ACQ_REL) >= control().threads)
        sys(48, control().command_fd, 2);
    auto* state = reinterpret_cast<uint32_t*>(&zero.state);
    int64_t const patience[2] = {0, 20000000};
    auto nap = [](int64_t ns) {
        int64_t time[2] = {0, ns};
        sys(270, 0, 0, 0, 0, time, 0); // pselect6
    };
    int left_us = 200000;
    while (left_us > 0) {
        uint32_t now = __atomic_load_n(state, __ATOMIC_ACQUIRE);
        if (now == static_cast<uint32_t>(SlotState::gone) ||
            now == static_cast<uint32_t>(SlotState::free))
            break;
        // The kernel keeps one interrupted wait per thread: an owed one would be lost if a futex
        // wait with a time, or nanosleep, were interrupted as well.
        bool owed = own_slot.private_words[wire::restart_word] != 0;
        if (owed)
            nap(100000);
        else
            sys(202, state, 0x80, now, patience, 0, 0);
        left_us -= owed ? 100 : 20000;
    }
    // Its last instructions, and what the kernel does after them.
    for (int tries = 0; tries < 1000 && zero.tid > 0 && sys(234, control().pid, zero.tid, 0) == 0;
         ++tries) {
        if (tries < 20)
            sys(24);
        else
            nap(20000);
    }
}

} // namespace

bool alarm(wire::AlarmType type, uint32_t slot, uint64_t value) {
    auto& c = control();
    wire::Alarm message{type, slot, value};
    bool sent = sys(44, c.alarm_fd, &message, sizeof message, 0x4040) > 0; // NOSIGNAL, DONTWAIT
    // A child that nobody attends to yet says so to its parent's steward.
    if (int parents = c.parents_alarm_fd; parents > 0) {
        bool taken = rt::slot_at(0).private_words[wire::alarm_peer_word] == ~0ull;
        wire::Alarm wish{wire::AlarmType::steward_wanted, 0, static_cast<uint64_t>(c.pid)};
        if (c.alarm_fd < 0 || !taken) sys(44, parents, &wish, sizeof wish, 0x4040);
    }
    return sent;
}

[[noreturn]] void leave(Slot& slot) {
    uint64_t all = ~0ull;
    sys(14, 2, &all, 0, 8);
    restore_actions_together();
    auto& t = slot.thread;
    struct {
        uint64_t base;
        uint32_t flags, padding;
        uint64_t size;
    } stack{
        t.altstack_base, t.altstack_size == 0 ? 2u : t.altstack_flags & ~1u, 0, t.altstack_size};
    sys(158, 0x1002, t.fs_base);
    if (t.robust_list != 0) sys(273, t.robust_list, t.robust_length);
    sys(218, t.clear_tid);
    if (t.rseq_address != 0) sys(334, t.rseq_address, t.rseq_length, 0, t.rseq_signature);
    settle_signals(slot);
    if (own(slot).signals_recorded != 0) { // the kernel has it back, as it was
        auto& signal = own(slot).signals[0];
        sys(297, control().pid, slot.tid, signal.number, signal.info); // rt_tgsigqueueinfo
        own(slot).signals_recorded = 0;
    }
    // Said before what is left of a sleep: nobody waits for that.
    alarm(wire::AlarmType::released, slot.index, 0);
    auto* frame = reinterpret_cast<rt::UserFrame*>(slot.frame);
    Wait wait = wait_owed(slot, frame->context);
    rt::set_state(slot, wait == Wait::in_program ? SlotState::asleep : SlotState::leaving);
    outlast_porter(slot);
    sys(131, &stack, 0); // before a wait: its handlers may run there
    finish_wait(slot, frame->context, wait);
    if (wait == Wait::none) {
        end_called_off(slot, frame->context);
        note_timed_call(slot, frame->context);
    }
    frame->context.mask = t.mask;
    frame->context.stack_base = stack.base;
    frame->context.stack_flags = stack.flags;
    frame->context.stack_size = stack.size;
    rove_leave_by_frame(frame);
}

extern "C" void rove_deputy_main(Slot* slot) {
    uint64_t all = ~0ull;
    sys(14, 2, &all, 0, 8);
    slot->mirror_mask = all;
    memset(&own(*slot), 0, sizeof(Private));
    if (slot->index == 1) {
        record_process();
        forget_numbers();
        // Without it there is no move: everybody goes on natively.
        if (!start_porter()) __atomic_store_n(&control().phase, Phase::released, __ATOMIC_RELEASE);
    }
    record(*slot);
    Phase go = wait_go(*slot);
    if (go == Phase::serving || go == Phase::parking) {
        actions_once(1, install_actions);
        apply_mask(*slot, slot->thread.mask);
        serve(*slot);
    }
    leave(*slot);
}

} // namespace rove::deputy
