// SPDX-License-Identifier: Apache-2.0
// Signals: what the kernel delivers to P while its program is away.
//
// Dispositions mirror the program's: ignored stays ignored and default stays default, so the kernel
// itself stops, continues and ends the process. Where the program has a handler there is one of
// ours. It takes one signal out of the kernel per thread, hands it to the guest, and has all other
// handled signals stay queued in the kernel until the guest has taken that one.
#include "deputy/deputy.hh"

#include "rt/memory.hh"

extern "C" {
void rove_deputy_trampoline();
void rove_restorer();
}

namespace rove::deputy {

namespace {

constexpr uint64_t nocldstop = 1, nocldwait = 2, siginfo = 4, restorer = 0x04000000,
                   restart = 0x10000000;
constexpr uint64_t core_signals =
    bit(3) | bit(4) | bit(5) | bit(6) | bit(7) | bit(8) | bit(11) | bit(24) | bit(25) | bit(31);

uint64_t handled() {
    uint64_t mask = 0;
    auto& c = control();
    for (uint32_t n = 1; n <= 64; ++n) {
        if (c.actions[n].handler > 1) mask |= bit(n);
    }
    return c.cores_want ? mask | core_signals : mask;
}

bool wants_core(uint32_t number) {
    return control().cores_want && (core_signals & bit(number)) &&
           control().actions[number].handler == 0;
}

// What the kernel will do, by the limit as it is now.
bool core_is_made() {
    uint64_t limit[2] = {};
    sys(302, 0, 4, 0, limit, 0, 0); // prlimit64, RLIMIT_CORE
    return control().cores_want == 2 ? limit[0] != 1 : limit[0] >= 4096;
}

long install(uint32_t number, wire::Action const& action) {
    wire::Action mirror = action;
    if (action.handler > 1 || wants_core(number)) {
        mirror.handler = word(&rove_deputy_trampoline);
        mirror.flags = siginfo | restorer | restart | (action.flags & (nocldstop | nocldwait));
        mirror.restorer = word(&rove_restorer);
        mirror.mask = ~0ull;
    }
    return sys(13, number, &mirror, 0, 8);
}

} // namespace

void install_actions() {
    for (uint32_t n = 1; n <= 64; ++n) {
        if (n != 9 && n != 19 && (control().actions[n].handler > 1 || wants_core(n)))
            (void)install(n, control().actions[n]);
    }
}

void restore_actions() {
    // Only where ours stand: to set a default action anew would throw away a SIGCHLD that is
    // pending. The kernel tells: what the guest has reset in the middle of a move, home may not
    // have heard of.
    for (uint32_t n = 1; n <= 64; ++n) {
        wire::Action now{};
        if (n == 9 || n == 19 || sys(13, n, 0, &now, 8) != 0) continue;
        if (control().actions[n].handler > 1 || now.handler == word(&rove_deputy_trampoline))
            sys(13, n, &control().actions[n], 0, 8);
    }
}

long set_action(uint32_t number, wire::Action const& action) {
    wire::Action before = control().actions[number];
    control().actions[number] = action;
    long result = install(number, action);
    if (result != 0) control().actions[number] = before;
    return result;
}

void give_up_cores() {
    for (uint32_t n = 1; n <= 64; ++n) {
        if (!wants_core(n)) continue;
        wire::Action const action{0, restorer, word(&rove_restorer), 0};
        sys(13, n, &action, 0, 8);
    }
    control().cores_want = 0;
}

void apply_mask(Slot& slot, uint64_t program_mask) {
    uint64_t mask = program_mask & ~rt::never_blocked;
    slot.thread.mask = mask;
    if (own(slot).signals_recorded != 0) mask |= handled();
    if (mask == slot.mirror_mask) return;
    // Nothing may be recorded between the look and the change: a second signal would then follow
    // the first.
    uint64_t all = ~0ull;
    sys(14, 2, &all, 0, 8);
    mask = slot.thread.mask;
    if (own(slot).signals_recorded != 0) mask |= handled();
    slot.mirror_mask = mask;
    sys(14, 2, &mask, 0, 8);
}

void signal_taken(Slot& slot) {
    if (own(slot).signals_recorded == 2) own(slot).signals_recorded = 0;
}

void settle_signals(Slot& slot) {
    auto& mine = own(slot);
    if (mine.signals_recorded != 2) return;
    auto const& guest = slot.thread;
    bool delivered = guest.signals_seen == slot.signals_sent && guest.signals_undelivered == 0;
    mine.signals_recorded = delivered ? 0 : 1;
    mine.stop = !delivered; // a call that is owed must not begin before it has gone
}

bool ask_home_for_core(Slot& slot) {
    return alarm(wire::AlarmType::signal_core, slot.index, own(slot).signals[0].number);
}

void send_recorded(Slot& slot) {
    auto& mine = own(slot);
    mine.stop = 0;
    mine.signals_recorded = 2;
    ++slot.signals_sent;
    struct {
        wire::LinkHeader header;
        wire::WireSignal signal;
    } frame;
    static_assert(sizeof frame == sizeof(wire::LinkHeader) + sizeof(wire::WireSignal));
    frame.header = rt::make_header(wire::LinkType::signal, sizeof frame.signal, 0);
    frame.signal = mine.signals[0];
    (void)rt::send_bytes(slot, &frame, sizeof frame);
    rt::ring_bell(slot);
}

void end_called_off(Slot& slot, rt::UserContext& user) {
    auto const& t = slot.thread;
    if (t.called_off.at == 0) return;
    uint64_t handlers = 0;
    for (uint32_t n = 1; n <= 64; ++n)
        if (control().actions[n].handler > 1) handlers |= bit(n);
    for (uint64_t pending = 0; sys(127, &pending, 8) == 0;) { // rt_sigpending
        pending &= handlers & ~t.mask;
        if (pending == 0) return;
        auto number = static_cast<uint32_t>(__builtin_ctzll(pending)) + 1;
        // Another thread may get what is meant for the process: taken out and given to this thread,
        // it ends this thread's call. Queued ones would lose their order by it.
        if (number >= 32 && control().threads > 1) return;
        if (number < 32) {
            uint64_t one = bit(number);
            int64_t const now[2] = {};
            unsigned char info[128];
            if (sys(128, &one, info, now, 8) != number) continue; // rt_sigtimedwait
            sys(297, control().pid, slot.tid, number, info);      // rt_tgsigqueueinfo
        }
        if (!t.called_off.ended_by(user.rip, (control().actions[number].flags & restart) != 0))
            return;
        user.rip += 2;
        user.rax = static_cast<uint64_t>(wire::eintr);
        return;
    }
}

/// The kernel has interrupted this thread for a signal of the program.
extern "C" void rove_deputy_signal(int number, rt::SignalInfo* info, rt::UserContext* context) {
    Slot& slot = this_slot();
    auto& mine = own(slot);
    auto signal = static_cast<uint32_t>(number);
    bool synchronous = (number == 4 || number == 5 || number == 7 || number == 8 || number == 11) &&
                       info->code > 0 && info->code != 0x80;
    if (synchronous) { // our own bug: die of it as if nobody had caught it
        uint64_t action[4] = {0, restorer, word(&rove_restorer), 0};
        sys(13, number, action, 0, 8);
        return;
    }
    mine.signals[0].number = signal;
    mine.signals[0].reserved = 0;
    memcpy(mine.signals[0].info, info, sizeof mine.signals[0].info);
    bool core = wants_core(signal);
    if (core &&
        !(core_is_made() &&
            ask_home_for_core(slot))) { // its end is all that is wanted, or all that is left
        uint64_t action[4] = {0, restorer, word(&rove_restorer), 0};
        sys(13, number, action, 0, 8);
        sys(297, control().pid, slot.tid, number, info); // rt_tgsigqueueinfo
        return;
    }
    mine.signals_recorded = core ? 3 : 1;
    mine.stop = 1;
    // Returning sets this mask: one signal at a time.
    context->mask |= handled();
    slot.mirror_mask = context->mask;
    if (context->rip >= word(rove_entry_call_begin) &&
        context->rip <= word(rove_entry_call_syscall)) {
        context->rip = word(rove_entry_call_interrupted);
    }
}

} // namespace rove::deputy
