// SPDX-License-Identifier: Apache-2.0
// Trap: the three signals that the runtime lives on, and the way back to the program.
#include "guest/guest.hh"

#include "rt/futex.hh"
#include "rt/memory.hh"

extern "C" {
extern char rove_copy_words[], rove_copy_begin[], rove_copy_end[], rove_copy_fault[],
    rove_touch_begin[], rove_touch_end[];
extern char rove_return_begin[], rove_return_end[], rove_before_return[];
extern char rove_fast_begin[], rove_fast_switched[], rove_fast_end[];
extern char rove_patched_entry[], rove_patched_switched[], rove_patched_saved[],
    rove_patched_return[], rove_patched_loaded[], rove_patched_end[];
}

namespace rove::guest {

using rt::Phase;
using rt::SlotState;

namespace {

constexpr uint32_t arch_x86_64 = 0xc000003e;
constexpr int plain_return = 0; // as things are: we were called inside the runtime
constexpr int full_return = 1;  // through rove_guest_before_return

bool inside(uint64_t address, char const* begin, char const* end) {
    return address >= word(begin) && address < word(end);
}
bool in_runtime(uint64_t address) {
    return address - (rt::region_base() + wire::text_offset) < wire::text_size;
}

/// Stands still until the keeper says that the program runs here (again), or for ever: a copy that
/// has moved on is killed where it stands.
void park(Slot& slot, UserContext& user) {
    slot.frame = word(rt::frame_of(&user));
    slot.frame_length = user.fpstate + rt::fp_length(user.fpstate) - slot.frame;
    uint64_t base = 0;
    if (sys(158, 0x1003, &base) == 0) slot.thread.fs_base = base; // arch_prctl ARCH_GET_FS
    slot.thread.signals_undelivered = own(slot).signals_queued;
    note_cpu_time(slot);
    rt::set_state(slot, SlotState::parked);
    auto* resumes = &control().resumes;
    bool departed = own(slot).departed != 0;
    for (;;) {
        Phase now = rt::phase();
        uint32_t seen = __atomic_load_n(resumes, __ATOMIC_ACQUIRE);
        if (now != Phase::serving) {
            rt::futex_wait(
                reinterpret_cast<uint32_t*>(&control().phase), static_cast<uint32_t>(now));
        } else if (departed && seen == own(slot).departed_resumes) {
            rt::futex_wait(resumes, seen); // nobody has begun to move it yet
        } else {
            break;
        }
    }
    own(slot).departed = 0;
    rt::set_state(slot, SlotState::running);
}

/// The filter says which number by trapping; the row says what to do.
Answer serve(Slot& slot, UserContext& user, uint32_t nr, uint64_t const args[6], long* result) {
    Answer answer = Answer::result;
    if (perform_locally(slot, user, nr, args, result, &answer)) return answer;
    uint64_t const before = control().exchanged;
    answer = forward(slot, user, nr, args, result);
    if ((nr == 228 || nr == 98 || nr == 100) && answer == Answer::result && *result >= 0)
        add_cpu_time(slot, nr, args, before);
    return answer;
}

constexpr uint64_t trap_flag = 0x100;

bool in_vdso(uint64_t address) {
    return address >= control().vdso_begin && address < control().vdso_end;
}

/// A thread in the middle of the vdso has addresses of the pages in its registers that the kernel
/// keeps the time in. Those of a time namespace, as guests have, are not there at home: it must be
/// out of there before it moves.
int step_in_vdso(Private& mine, UserContext& user) {
    mine.leaving_vdso = 1;
    user.rflags |= trap_flag;
    return plain_return; // to the next instruction, and then to rove_guest_fault
}

int leave_vdso(Private& mine, UserContext& user) {
    mine.leaving_vdso = 0;
    mine.stop = 1; // what the kick was for
    user.rflags &= ~trap_flag;
    return full_return;
}

/// A kick in a patched call's own instructions, or one that this thread has sent itself to end such
/// a call.
int kick_patched(Slot& slot, UserContext& user) {
    auto& mine = own(slot);
    uint64_t at = user.rip;
    if (inside(
            at, rove_patched_entry, rove_patched_saved)) { // not begun: RCX says where it was made
        if (at >= word(rove_patched_switched)) user.rsp = mine.patched_rsp;
        leave_entry(user);
    } else if (inside(at, rove_patched_loaded, rove_patched_end)) { // the last two instructions
        user.rip = user.rcx = mine.fast_rip;
    } else if (inside(at, rove_patched_return, rove_patched_loaded) || mine.taking_context) {
        take_context(slot, user);
    } else {
        return plain_return; // on its way into or out of C++
    }
    mine.fast_context = 0;
    return full_return;
}

} // namespace

void give_answer(UserContext& user, uint32_t nr, Answer answer, long result) {
    auto& counts = counts_of(nr);
    count(counts.calls, 1);
    if (answer == Answer::redo) rewind(user, nr);
    if (answer != Answer::result) return;
    user.rax = static_cast<uint64_t>(result);
    if (result < 0 && result > -4096) count(counts.errors, 1);
}

extern "C" int rove_guest_trap(int, SignalInfo* info, UserContext* user) {
    Slot& slot = this_slot();
    own(slot).fast_context = word(user);
    own(slot).resumed = slot.thread.called_off;
    slot.thread.called_off = {};
    if (own(slot).leaving_vdso) (void)leave_vdso(own(slot), *user); // by a call that it makes
    auto nr = static_cast<uint32_t>(user->rax);
    uint32_t arch;
    memcpy(&arch, reinterpret_cast<uint8_t*>(info) + 28, sizeof arch);
    uint32_t code = static_cast<uint32_t>(info->code);
    if (code != 1 || arch != arch_x86_64 || nr >= 0x40000000) { // not SYS_SECCOMP, or int 0x80, x32
        (void)go_home(slot, *user, HomeReason::bits_32, nr);
        return full_return;
    }
    note_trap(slot, user->rip, nr);
    uint64_t const args[6] = {user->rdi, user->rsi, user->rdx, user->r10, user->r8, user->r9};
    long result = 0;
    Answer answer = serve(slot, *user, nr, args, &result);
    give_answer(*user, nr, answer, result);
    return full_return;
}

extern "C" int rove_guest_kick(int, SignalInfo*, UserContext* user) {
    Slot& slot = this_slot();
    auto& mine = own(slot);
    mine.stop = 1;
    uint64_t at = user->rip;
    if (!in_runtime(at)) {
        mine.fast_context = 0;
        if (in_vdso(at)) return step_in_vdso(mine, *user);
        leave_detour(*user);
        return full_return;
    }
    if (inside(at, rove_patched_entry, rove_patched_end) || mine.taking_context)
        return kick_patched(slot, *user);
    // In the runtime: whoever waits there looks at `stop`, unless it is just past the look.
    if (inside(at, rove_entry_call_begin, rove_entry_call_end)) {
        user->rip = word(rove_entry_call_interrupted);
    } else if (inside(at, rove_return_begin, rove_return_end)) {
        user->rip = word(rove_before_return);
    } else if (inside(at, rove_fast_begin, rove_fast_switched)) {
        user->rip = word(rove_before_return);
        user->rbx = mine.fast_frame;
        user->r13 = mine.fast_context;
        user->rflags &= ~0x400ull; // the direction flag may be the program's by now
    } else if (inside(at, rove_fast_switched, rove_fast_end)) {
        user->rip = user->rcx = mine.fast_rip;
        mine.fast_context = 0;
        return full_return;
    }
    return plain_return;
}

extern "C" int rove_guest_fault(int number, SignalInfo* info, UserContext* user) {
    Slot& slot = this_slot();
    uint64_t at = user->rip;
    if (in_runtime(at)) {
        if (inside(at, rove_copy_words, rove_copy_begin)) {
            user->rip = word(rove_copy_begin);
            return plain_return;
        }
        if (inside(at, rove_copy_begin, rove_copy_end)) {
            user->rip = word(rove_copy_fault);
            return plain_return;
        }
        if (inside(at, rove_touch_begin, rove_touch_end)) {
            user->rip = word(rove_touch_end);
            user->rax = 1;
            return plain_return;
        }
        // Our own bug, or a program that has jumped in here: end it by the default action.
        uint64_t action[4] = {0, 0x04000000, 0, 0};
        sys(13, number, action, 0, 8);
        return plain_return;
    }
    own(slot).fast_context = 0;
    if (number == 5 && own(slot).leaving_vdso) {
        return in_vdso(at) ? static_cast<int>(plain_return) : leave_vdso(own(slot), *user);
    }
    auto signal = static_cast<uint32_t>(number);
    bool blocked = (slot.thread.mask & bit(signal)) != 0;
    if (!blocked && actions_of(slot)[signal].handler > 1 && deliver(slot, *user, signal, info)) {
        (void)forget_at_home(slot, *user, signal);
        return full_return;
    }
    if (own(slot).shares) die_of(slot, *user, signal);
    // It dies of this, or its handler cannot be reached: let it happen at home, by home's kernel.
    if (signal == 5 && info->code == 0x80) user->rip -= 1; // int3 reports the address behind it
    (void)go_home(slot, *user, HomeReason::fatal_signal, ~0u);
    return full_return;
}

/// May the program's registers be loaded without rt_sigreturn? After a call that has come to its
/// end: then RCX and R11 are what `syscall` leaves, and nothing but the registers is to be set.
bool may_go_fast(Private& mine, UserContext const& user) {
    if (mine.fast_context != word(&user)) return false;
    if (user.rcx != user.rip || user.r11 != user.rflags || (user.rflags & trap_flag)) return false;
    auto const* words =
        reinterpret_cast<rt::XsaveWords const*>(user.fpstate + rt::xsave_words_offset);
    if (words->magic1 != rt::xsave_magic1) return false;
    mine.fast_frame = word(rt::frame_of(const_cast<UserContext*>(&user)));
    mine.fast_rip = user.rip;
    return true;
}

struct Way {
    uint32_t volatile* stop; // of this thread
    uint64_t fast;           // the short way will do
};

/// Everything that is due before the program goes on.
extern "C" Way rove_guest_before_return(UserContext* user) {
    Slot& slot = this_slot();
    auto& mine = own(slot);
    for (;;) {
        if (mine.stop) {
            mine.stop = 0;
            drain_link(slot);
        }
        if (!goes_on(slot)) {
            park(slot, *user);
            continue;
        }
        if (slot.thread.pending != wire::Pending::none && !continue_pending(slot, *user)) continue;
        if (deliver_queued(slot, *user)) continue;
        if (mine.signals_wanted) {
            fetch_signals(slot, *user);
            continue;
        }
        if (!mine.stop) return {&mine.stop, may_go_fast(mine, *user)};
    }
}

} // namespace rove::guest
