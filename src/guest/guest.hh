// SPDX-License-Identifier: Apache-2.0
// Guest: the away half of the runtime, as its files see each other.
//
// Every call that the filter does not let through arrives as SIGSYS in rove_guest_trap; kicks (a
// signal frame on the link, or the warden's wish to park) as SIGURG in rove_guest_kick; the
// program's own faults in rove_guest_fault. Each works on the user's registers in the kernel's
// frame, and leaves through rove_guest_before_return, where everything owed to the program is paid.
#pragma once

#include "rt/link_io.hh"
#include "rt/slot.hh"
#include "rt/user_frame.hh"
#include "syscalls/plan.hh"
#include "wire/home_reason.hh"

namespace rove::guest {

using rt::bit;
using rt::control;
using rt::own;
using rt::Private;
using rt::SignalInfo;
using rt::Slot;
using rt::sys;
using rt::this_slot;
using rt::UserContext;
using rt::UserFrame;
using rt::word;
using wire::HomeReason;

/// Word of a slot: 1 when its thread was made here, and is in its creator's sandbox from its first
/// step on.
inline constexpr uint32_t sandboxed_word = 9;

/// Where, in the slot of a child that shares its parent's memory, its own signal actions lie:
/// behind the frame that it begins with.
inline constexpr uint64_t shared_actions_offset = wire::slot_frame_offset + 0x5000;
/// The program's signal actions, by number.
inline wire::Action* actions_of(Slot& slot) {
    if (own(slot).shares == 0) return control().actions;
    return reinterpret_cast<wire::Action*>(word(&slot) + shared_actions_offset);
}
inline wire::Action const* actions_of(Slot const& slot) {
    return actions_of(const_cast<Slot&>(slot));
}
/// Of the process that this thread is of.
inline int pid_of(Slot& slot) {
    return own(slot).shares != 0 ? slot.tid : control().pid;
}

/// What the holder of the guest's memory does, see holder.cc.
void holder_main(Slot* slot);

/// Whether this thread may do something; else it parks.
inline bool goes_on(Slot& slot) {
    return own(slot).shares != 0 || (rt::phase() == rt::Phase::serving && own(slot).departed == 0);
}

/// Fault-protected access to the program's memory.
extern bool copy_in(void* to, uint64_t from, uint64_t n);
/// How much of it may be the program's: not the runtime's, nor the kernel's.
uint64_t program_part(uint64_t address, uint64_t n);
extern bool copy_out(uint64_t to, void const* from, uint64_t n);
syscalls::UserMemory user_memory();

/// What became of a call. `redo`: the registers say that it is to be made again.
enum class Answer : uint32_t { result, redo, registers_set };

/// Asks the deputy to perform call `nr`; puts the result into `result`. `done`: bytes that it has
/// moved before a move.
Answer forward(Slot& slot, UserContext& user, uint32_t nr, uint64_t const args[6], long* result,
    uint64_t done = 0);
/// A call without memory, whose signals are treated as forward() does. Used by the runtime itself.
Answer forward_plain(Slot& slot, UserContext& user, uint32_t nr, uint64_t a, uint64_t b, uint64_t c,
    uint64_t d, uint64_t e, uint64_t f, long* result);
/// A call whose plan is made by hand.
void send_plan(Slot& slot, syscalls::Plan& plan);
Answer take_answer(Slot& slot, UserContext& user, syscalls::Plan& plan, long* result);
/// Fetches home's memory [address, +length) to `to` here, which is writable; how much there was.
uint64_t fetch(Slot& slot, uint64_t address, uint64_t length, uint64_t to);
/// The answer to a call that the deputy was already in when the process left (sequence 0). `redo`:
/// the process is being moved again, and the deputy still in it.
Answer await_restarted(Slot& slot, UserContext& user, long* result);
/// Registers go back to before the call.
inline void rewind(UserContext& user, uint32_t nr) {
    user.rip -= 2;
    user.rax = nr;
}
/// The process must go home to do this: asks for it; the call is made again there. A child that
/// shares its parent's memory cannot; for it there is no such call (ENOSYS).
Answer go_home(Slot& slot, UserContext& user, HomeReason reason, uint32_t nr);

// wall_clock.cc: CLOCK_REALTIME and its kin, where the host's differ from home's
/// Home's minus the host's, ns; 0 if they are taken for the same.
int64_t wall_ahead();
bool is_wall_clock(uint32_t clock);
/// The call reads such a clock, and the host would tell a wrong time.
bool tells_wall_clock(uint32_t nr, uint64_t const args[6]);
long tell_wall_clock(uint32_t nr, uint64_t const args[6]);

// local.cc: calls that need nobody else
bool perform_locally(Slot& slot, UserContext& user, uint32_t nr, uint64_t const args[6],
    long* result, Answer* answer);
/// Goes on with what Slot::thread.pending says; true when it is done (the result is in rax).
bool continue_pending(Slot& slot, UserContext& user);
/// What is counted of call `nr`, by all threads.
inline wire::CallCount& counts_of(uint32_t nr) {
    return control().calls[nr < wire::call_counts ? nr : wire::call_counts - 1];
}
inline void count(uint64_t& counter, uint64_t more) {
    __atomic_fetch_add(&counter, more, __ATOMIC_RELAXED);
}
/// Asks home for what is pending there, in the form of a call that the program's own never have: an
/// rt_sigprocmask.
inline constexpr uint32_t fetch_signals_call = 14;
/// cpu_time.cc: the first thread, on its way to the program: what was used to build the process is
/// not the program's.
void begin_account(Slot& slot);
/// A thread that parks says what it has used here, in CPU time.
void note_cpu_time(Slot& slot);
/// Completes what home has said of the process's CPU time. `before`: Control::exchanged when it was
/// asked.
void add_cpu_time(Slot& slot, uint32_t nr, uint64_t const args[6], uint64_t before);
/// A clock of CPU time, as clock_gettime tells it. False: home has to be asked.
bool tell_cpu_time(Slot& slot, uint64_t const args[6], long* result);
// trap.cc: counts a call that has been served and sets the registers that it leaves
void give_answer(UserContext& user, uint32_t nr, Answer answer, long result);
// patch.cc
/// A file's text has been mapped while away.
void offer_text(uint64_t start, uint64_t end);
/// A call has trapped: a site where that happens often is patched.
void note_trap(Slot& slot, uint64_t next, uint32_t nr);
/// Registers of a program that stands in a detour are those in front of its call.
void leave_detour(UserContext& user);
/// Likewise in the first instructions of rove_patched_entry.
void leave_entry(UserContext& user);
/// Puts the registers of the patched call under way into a kick's frame.
void take_context(Slot& slot, UserContext& user);
// memory.cc: calls on memory that is mapped already
bool perform_on_memory(Slot& slot, UserContext& user, uint32_t nr, uint64_t const args[6],
    long* result, Answer* answer);
/// No memory can lie there: the filter does not grant such a range.
bool beyond_memory(uint64_t at, uint64_t length);
// mapping.cc
Answer map(Slot& slot, UserContext& user, uint64_t const args[6], long* result);
// service.cc
/// Sends the note on the service socket and takes the answer with that many descriptors. What it
/// says; negative: an error.
long ask_warden(wire::Service note, int* fds, int wanted);
void tell_warden(wire::ServiceType type, uint32_t slot, int64_t value);
/// Until none of these pages is at home any more; length 0: until none of all is.
void bring(Slot& slot, uint64_t at, uint64_t length);

// mail.cc
/// The call of a mailbox, see wire/mail_call.hh.
long mail(Slot& slot, uint64_t const args[6]);
/// In a child of the process that has them.
void forget_mail_ends();
// mail_ring.cc: an end that is a ring
long map_ring(wire::MailEnd& end, int memory, uint32_t side);
void unmap_ring(wire::MailEnd& end);
void unmap_rings();
long ring_transfer(wire::MailEnd& end, wire::MailOp op, uint64_t at, uint64_t length);
long end_ring(wire::MailEnd& end);
/// What of `events` is so; and how the other side is to wake us from now on, if none is.
enum class RingSleep : uint32_t { no, by_bell, on_word };
uint32_t look_at_ring(wire::MailEnd& end, uint32_t events, RingSleep sleep);
/// The word that is slept on, a shared futex, and what it is while nobody has woken us.
struct RingWait {
    uint32_t* word;
    uint32_t value;
};
RingWait wait_on_ring(wire::MailEnd& end, uint32_t events);
/// `seen` at its bell, by poll.
void hear_ring(wire::MailEnd& end, uint32_t seen);

// clone.cc
struct Wanted { // of clone
    uint64_t flags, stack, parent_tid, child_tid, tls;
};
/// fork, vfork, clone, clone3
Answer clone(Slot& slot, UserContext& user, uint32_t nr, uint64_t const args[6], long* result);
/// State of a new thread: its creator's registers, on another stack if one is given, with result 0.
void prepare_frame(Slot& fresh, Slot const& parent, UserContext& user, Wanted const& wanted);
/// Does not return, unless the call is to be made again.
Answer exit_thread(Slot& slot, UserContext& user, int code);
// thread.cc
/// Traps of this thread are served on its slot's stack.
void use_slot_stack(Slot const& slot);
/// The imported registers as a frame on this thread's stack, as if a trampoline had just run.
UserFrame* import_frame(Slot& slot);
// fork.cc
/// Whether a process of these flags can be made while away.
bool can_fork(uint64_t flags);
Answer new_process(Slot& slot, UserContext& user, uint32_t nr, Wanted const& wanted, long* result);
// exec.cc
/// execve, execveat. Does not return if it succeeds.
Answer execute(Slot& slot, UserContext& user, uint32_t nr, uint64_t const args[6], long* result);

// signals.cc
/// This signal's default action ends the process at home, and that its guest.
[[noreturn]] void die_of(Slot& slot, UserContext& user, uint32_t number);
Answer signal_action(Slot& slot, UserContext& user, uint64_t const args[6], long* result);
Answer signal_mask(Slot& slot, uint64_t const args[6], long* result);
Answer signal_return(Slot& slot, UserContext& user);
long alternate_stack(Slot& slot, UserContext& user, uint64_t set, uint64_t old);
void receive_signal(Slot& slot, wire::WireSignal const& signal);
/// Takes signal frames that have come on the link, without waiting.
void drain_link(Slot& slot);
/// Builds frames for the queued signals that may be delivered; true if any was.
bool deliver_queued(Slot& slot, UserContext& user);
/// A queued signal that the mask lets through and that has a program handler; 0 if none.
uint32_t deliverable(Slot& slot);
/// Delivers this one now, whatever the mask says. False if no frame could be built.
bool deliver(Slot& slot, UserContext& user, uint32_t number, void const* info);
bool forget_at_home(Slot& slot, UserContext& user, uint32_t number);
/// Tells home that everything it has sent is delivered: it may send the next.
void say_taken(Slot& slot);
/// If the present mask unblocks what home holds back, or blocks what home would do otherwise, home
/// must hear of it before the program goes on.
void tell_mask(Slot& slot);
/// Asks home for a signal that is pending there: natively it would be delivered before the next
/// instruction.
void fetch_signals(Slot& slot, UserContext& user);
inline bool restarts(Slot const& slot, uint32_t number) {
    return (actions_of(slot)[number].flags & 0x10000000) != 0;
}

} // namespace rove::guest
