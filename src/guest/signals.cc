// SPDX-License-Identifier: Apache-2.0
// Signals: the program's own view of them, kept entirely by the runtime while it is away.
//
// The host's kernel delivers to a guest only traps, kicks and faults. What is sent to the process
// reaches its deputy at home; from there it comes over the link with its siginfo and is queued here
// until the program's mask lets it through. Frames are built as the kernel builds them, so that
// handlers, unwinders and sigreturn see nothing unusual.
#include "guest/guest.hh"

#include "rt/memory.hh"

namespace rove::guest {

namespace {

constexpr uint64_t sa_onstack = 0x08000000, sa_nodefer = 0x40000000, sa_resethand = 0x80000000;
constexpr uint32_t ss_onstack = 1, ss_disable = 2, ss_autodisarm = 0x80000000;
constexpr uint32_t queue_max = sizeof(Private::signals) / sizeof(wire::WireSignal);

bool on_altstack(Slot const& slot, uint64_t sp) {
    auto const& t = slot.thread;
    if (t.altstack_flags & ss_autodisarm) return false;
    return !(t.altstack_flags & ss_disable) && sp > t.altstack_base &&
           sp - t.altstack_base <= t.altstack_size;
}
bool has_altstack(Slot const& slot) {
    return !(slot.thread.altstack_flags & ss_disable) && slot.thread.altstack_size != 0;
}

void drop(Private& mine, uint32_t index) {
    --mine.signals_queued;
    for (uint32_t i = index; i < mine.signals_queued; ++i)
        mine.signals[i] = mine.signals[i + 1];
}

// One that has a handler may come meanwhile, it waits in our queue. Without a handler it would act
// at home; and of several threads home's kernel must choose one that lets it through.
bool home_must_block(Slot const& slot, uint64_t more) {
    if (more != 0 && __atomic_load_n(&control().threads, __ATOMIC_ACQUIRE) > 1) return true;
    for (uint32_t number = 1; number <= 64 && more != 0; ++number) {
        if ((more & bit(number)) != 0 && actions_of(slot)[number].handler <= 1) return true;
    }
    return false;
}

} // namespace

void say_taken(Slot& slot) {
    auto header = rt::make_header(wire::LinkType::taken, 0, slot.sequence);
    header.mask = slot.thread.mask;
    header.signals_seen = slot.thread.signals_seen;
    header.flags = wire::flag_taken;
    own(slot).sent_mask = slot.thread.mask;
    (void)rt::send_bytes(slot, &header, sizeof header);
}

void receive_signal(Slot& slot, wire::WireSignal const& signal) {
    auto& mine = own(slot);
    ++slot.thread.signals_seen;
    if (signal.number == 0 || signal.number > 64) return;
    mine.stop = 1;
    if (signal.number < 32) { // standard signals do not queue twice
        for (uint32_t i = 0; i < mine.signals_queued; ++i) {
            if (mine.signals[i].number == signal.number) return;
        }
    }
    if (mine.signals_queued < queue_max) mine.signals[mine.signals_queued++] = signal;
}

void drain_link(Slot& slot) {
    wire::LinkHeader header;
    while (rt::poll_header(slot, header) == rt::Got::frame) {
        if (header.type != wire::LinkType::signal || header.length != sizeof(wire::WireSignal)) {
            rt::put_back(slot,
                header); // the answer to a call that home had begun: somebody will wait for it
            return;
        }
        wire::WireSignal signal;
        if (!rt::take_to(slot, &signal, sizeof signal)) return;
        receive_signal(slot, signal);
    }
}

void die_of(Slot& slot, UserContext& user, uint32_t number) {
    slot.thread.mask &= ~bit(number);
    for (;;) {
        long result = 0;
        (void)forward_plain(slot, user, 13, number, 0, 0, 0, 0, 0, &result);
        (void)forward_plain(
            slot, user, 62, static_cast<uint64_t>(pid_of(slot)), number, 0, 0, 0, 0, &result);
    }
}

uint32_t deliverable(Slot& slot) {
    auto& mine = own(slot);
    for (uint32_t i = 0; i < mine.signals_queued; ++i) {
        uint32_t number = mine.signals[i].number;
        if (!(slot.thread.mask & bit(number)) && actions_of(slot)[number].handler > 1)
            return number;
    }
    return 0;
}

// Home forgets a handler that is used once; its deputy keeps the program's flags otherwise. False:
// a move comes first.
bool forget_at_home(Slot& slot, UserContext& user, uint32_t number) {
    if (!(actions_of(slot)[number].flags & sa_resethand)) return true;
    long result = 0;
    return forward_plain(slot, user, 13, number, 0, 0, 0, 0, 0, &result) == Answer::result;
}

bool deliver_queued(Slot& slot, UserContext& user) {
    auto& mine = own(slot);
    bool any = false;
    for (uint32_t i = 0; i < mine.signals_queued;) {
        wire::WireSignal signal = mine.signals[i];
        if (slot.thread.mask & bit(signal.number)) {
            ++i;
            continue;
        }
        // Ignored or default by now: home's kernel acts on those itself from here on.
        bool handled = actions_of(slot)[signal.number].handler > 1;
        if (handled && !forget_at_home(slot, user, signal.number)) return any;
        drop(mine, i);
        if (!handled) continue;
        if (!deliver(slot, user, signal.number, signal.info)) {
            constexpr uint32_t no_stack = 11; // SIGSEGV is what the kernel makes of that
            if (own(slot).shares) die_of(slot, user, no_stack);
            (void)go_home(slot, user, HomeReason::fatal_signal, ~0u);
            return false;
        }
        any = true;
        i = 0;
    }
    if (any && mine.signals_queued == 0) say_taken(slot);
    return any;
}

bool deliver(Slot& slot, UserContext& user, uint32_t number, void const* info) {
    auto& action = actions_of(slot)[number];
    auto& thread = slot.thread;
    if (thread.called_off.ended_by(user.rip, restarts(slot, number))) {
        user.rip += 2;
        user.rax = static_cast<uint64_t>(wire::eintr);
    }
    thread.called_off = {};
    uint64_t sp = user.rsp - 128;
    if ((action.flags & sa_onstack) && has_altstack(slot) && !on_altstack(slot, user.rsp)) {
        sp = thread.altstack_base + thread.altstack_size;
    }
    uint64_t fp_bytes = rt::fp_length(user.fpstate);
    uint64_t fp = (sp - fp_bytes) & ~63ull;
    uint64_t at = ((fp - sizeof(UserFrame)) & ~15ull) - 8;
    UserFrame frame{};
    frame.pretcode = action.restorer;
    frame.context = user;
    frame.context.link = 0;
    frame.context.stack_base = thread.altstack_base;
    frame.context.stack_size = thread.altstack_size;
    frame.context.stack_flags =
        thread.altstack_flags | (on_altstack(slot, user.rsp) ? ss_onstack : 0);
    frame.context.fpstate = fp;
    frame.context.mask = thread.has_saved_mask ? thread.saved_mask : thread.mask;
    memcpy(frame.info, info, sizeof frame.info);
    if (!copy_out(fp, reinterpret_cast<void const*>(user.fpstate), fp_bytes)) return false;
    if (!copy_out(at, &frame, sizeof frame)) return false;

    thread.mask |= action.mask | ((action.flags & sa_nodefer) ? 0 : bit(number));
    thread.mask &= ~rt::never_blocked;
    thread.has_saved_mask = 0;
    if (thread.altstack_flags & ss_autodisarm) {
        thread.altstack_base = thread.altstack_size = 0;
        thread.altstack_flags = ss_disable;
    }
    user.rip = action.handler;
    user.rsp = at;
    user.rdi = number;
    user.rsi = at + offsetof(UserFrame, info);
    user.rdx = at + offsetof(UserFrame, context);
    user.rax = 0;
    user.rflags &= ~(0x400ull | 0x100ull | 0x10000ull); // DF, TF, RF
    // The handler starts with the floating-point unit's initial state: no component is present.
    auto* header = reinterpret_cast<uint64_t*>(user.fpstate + 512);
    auto const* words =
        reinterpret_cast<rt::XsaveWords const*>(user.fpstate + rt::xsave_words_offset);
    if (words->magic1 == rt::xsave_magic1) header[0] = 0;
    if (action.flags & sa_resethand) action.handler = 0;
    return true;
}

Answer signal_return(Slot& slot, UserContext& user) {
    uint64_t at = user.rsp - 8;
    UserFrame frame;
    uint64_t fpstate = user.fpstate;
    if (!copy_in(&frame, at, sizeof frame))
        return go_home(slot, user, HomeReason::fatal_signal, 15);
    auto& from = frame.context;
    auto* words = reinterpret_cast<rt::XsaveWords*>(fpstate + rt::xsave_words_offset);
    bool wide = words->magic1 == rt::xsave_magic1;
    rt::XsaveWords const saved_words = *words;
    if (from.fpstate != 0) {
        rt::XsaveWords theirs;
        if (!copy_in(&theirs, from.fpstate + rt::xsave_words_offset, sizeof theirs)) {
            return go_home(slot, user, HomeReason::fatal_signal, 15);
        }
        bool both_wide = wide && rt::sound(theirs);
        uint64_t n = 512, present = 0;
        if (both_wide) {
            n = theirs.xsave_size < saved_words.xsave_size ? theirs.xsave_size
                                                           : saved_words.xsave_size;
            if (!copy_in(&present, from.fpstate + 512, sizeof present)) {
                return go_home(slot, user, HomeReason::fatal_signal, 15);
            }
            present &= theirs.features;
            // The frame may have been made elsewhere: what this CPU lacks is restored at home.
            if ((present & ~saved_words.features & ~rt::protection_keys) != 0) {
                return go_home(slot, user, HomeReason::cpu_features, 15);
            }
        }
        if (!copy_in(reinterpret_cast<void*>(fpstate), from.fpstate, n)) {
            return go_home(slot, user, HomeReason::fatal_signal, 15);
        }
        auto* header = reinterpret_cast<uint64_t*>(fpstate + 512);
        *words = saved_words; // the kernel's own words, whatever the program has made of its copy
        if (wide) {
            header[0] = (both_wide ? present : 3) & saved_words.features;
            for (int i = 1; i < 8; ++i)
                header[i] = 0;
        }
        auto* mxcsr = reinterpret_cast<uint32_t*>(fpstate + 24);
        *mxcsr &= 0xffff;
    } else if (wide) {
        reinterpret_cast<uint64_t*>(fpstate + 512)[0] = 0;
    }
    // Only the registers are the program's; the kernel-level mask and stack in our frame are ours.
    constexpr size_t general = offsetof(UserContext, rflags) - offsetof(UserContext, r8);
    uint64_t rflags = user.rflags;
    memcpy(&user.r8, &from.r8, general);
    constexpr uint64_t changeable =
        0x50dd5 | 0x200000; // as the kernel's FIX_EFLAGS, with ID left alone
    user.rflags =
        (rflags & ~changeable) | (from.rflags & changeable & ~0x200000ull) | (rflags & 0x200000);
    uint64_t mask = from.mask & ~rt::never_blocked;
    if (!(from.stack_flags & ss_onstack) || (from.stack_flags & ss_autodisarm)) {
        slot.thread.altstack_base = from.stack_base;
        slot.thread.altstack_size = from.stack_size;
        slot.thread.altstack_flags = from.stack_flags & (ss_disable | ss_autodisarm);
    }
    slot.thread.mask = mask;
    tell_mask(slot);
    own(slot).stop = 1;
    return Answer::registers_set;
}

void tell_mask(Slot& slot) {
    uint64_t const told = own(slot).sent_mask, now = slot.thread.mask;
    if ((told & ~now) != 0 || home_must_block(slot, now & ~told)) own(slot).signals_wanted = 1;
}

void fetch_signals(Slot& slot, UserContext& user) {
    auto& mine = own(slot);
    uint32_t before = slot.thread.signals_seen;
    long result = 0;
    Answer answer = forward_plain(slot, user, fetch_signals_call, 0, 0, 0, 8, 0, 0, &result);
    if (answer == Answer::result && slot.thread.signals_seen == before) mine.signals_wanted = 0;
}

Answer signal_mask(Slot& slot, uint64_t const args[6], long* result) {
    if (args[3] != 8) {
        *result = -22;
        return Answer::result;
    }
    uint64_t before = slot.thread.mask;
    uint64_t set = 0;
    if (args[1] != 0) {
        if (!copy_in(&set, args[1], sizeof set)) {
            *result = -14;
            return Answer::result;
        }
        set &= ~rt::never_blocked;
        switch (static_cast<int>(args[0])) {
        case 0:
            slot.thread.mask = before | set;
            break;
        case 1:
            slot.thread.mask = before & ~set;
            break;
        case 2:
            slot.thread.mask = set;
            break;
        default:
            *result = -22;
            return Answer::result;
        }
    }
    *result = 0;
    if (args[2] != 0 && !copy_out(args[2], &before, sizeof before)) *result = -14;
    tell_mask(slot);
    if (own(slot).signals_queued > 0) own(slot).stop = 1;
    return Answer::result;
}

Answer signal_action(Slot& slot, UserContext& user, uint64_t const args[6], long* result) {
    auto number = static_cast<int>(args[0]);
    if (args[3] != 8 || number < 1 || number > 64 ||
        (args[1] != 0 && (number == 9 || number == 19))) {
        *result = -22;
        return Answer::result;
    }
    wire::Action before = actions_of(slot)[number];
    wire::Action after = before;
    if (args[1] != 0) {
        if (!copy_in(&after, args[1], sizeof after)) {
            *result = -14;
            return Answer::result;
        }
        after.mask &= ~rt::never_blocked;
        if (memcmp(&before, &after, sizeof after) != 0) {
            // Action as plain arguments: handler, flags, restorer, mask.
            Answer answer = forward_plain(slot, user, 13, static_cast<uint64_t>(number),
                after.handler, after.flags, after.restorer, 0, after.mask, result);
            if (answer != Answer::result) return answer;
            if (*result < 0) return Answer::result;
            actions_of(slot)[number] = after;
            auto& mine = own(slot);
            for (uint32_t i = 0; after.handler <= 1 && i < mine.signals_queued;) {
                if (mine.signals[i].number == static_cast<uint32_t>(number))
                    drop(mine, i);
                else
                    ++i;
            }
        }
    }
    *result = 0;
    if (args[2] != 0 && !copy_out(args[2], &before, sizeof before)) *result = -14;
    return Answer::result;
}

long alternate_stack(Slot& slot, UserContext& user, uint64_t set, uint64_t old) {
    struct Stack {
        uint64_t base;
        uint32_t flags, padding;
        uint64_t size;
    };
    auto& thread = slot.thread;
    Stack before{thread.altstack_base, 0, 0, thread.altstack_size};
    bool on = on_altstack(slot, user.rsp);
    before.flags = (thread.altstack_flags & ss_autodisarm) |
                   (thread.altstack_size == 0 || (thread.altstack_flags & ss_disable) ? ss_disable
                       : on                                                           ? ss_onstack
                                                                                      : 0);
    if (set != 0) {
        Stack after;
        if (!copy_in(&after, set, sizeof after)) return -14;
        uint32_t mode = after.flags & ~ss_autodisarm;
        if (on) return -1;
        if (mode != 0 && mode != ss_onstack && mode != ss_disable) return -22;
        if (mode == ss_disable) {
            after.base = after.size = 0;
        } else if (after.size < 2048) {
            return -12;
        }
        thread.altstack_base = after.base;
        thread.altstack_size = after.size;
        thread.altstack_flags =
            (after.flags & ss_autodisarm) | (mode == ss_disable ? ss_disable : 0);
    }
    if (old != 0 && !copy_out(old, &before, sizeof before)) return -14;
    return 0;
}

} // namespace rove::guest
