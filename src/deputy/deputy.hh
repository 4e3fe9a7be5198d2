// SPDX-License-Identifier: Apache-2.0
// Deputy: the home half of the runtime, as its files see each other.
//
// Each program thread of P waits on its link for its guest thread, performs the calls that it asks
// for in P's own context, and goes back to native execution when the process comes home. The
// porter is one more thread, the runtime's own, that does what the steward says.
#pragma once

#include "rt/link_io.hh"
#include "rt/slot.hh"
#include "rt/user_frame.hh"
#include "syscalls/place.hh"
#include "wire/home_reason.hh"

namespace rove::deputy {

using rt::bit;
using rt::control;
using rt::own;
using rt::Phase;
using rt::Private;
using rt::Slot;
using rt::SlotState;
using rt::sys;
using rt::this_slot;
using rt::word;

/// Word of slot 0: 1 when the signal actions are the deputy's, 2 when they are the program's again.
inline constexpr uint32_t actions_word = 10;
/// Word of slot 0: how many threads have blocked all signals on their way to native execution.
inline constexpr uint32_t blocked_word = 11;
/// Word of slot 0: how many threads have left for native execution.
inline constexpr uint32_t left_word = 12;

// serve.cc
/// Performs nr(args), cancellably. Flags for the reply in *flags; with flag_restart the result is a
/// wire::Restart if the call was under way, else 0.
long perform(Slot& slot, uint32_t nr, uint64_t const args[6], uint16_t* flags);
void serve(Slot& slot); // until the process comes home
// main.cc
[[noreturn]] void leave(Slot& slot); // to native execution
/// False if nobody hears it.
bool alarm(wire::AlarmType type, uint32_t slot, uint64_t value);

// signals.cc
void install_actions(); // handlers of ours where the program has handlers
void restore_actions(); // the program's own
long set_action(uint32_t number, wire::Action const& action);
/// Signals that would bring the process home to dump core end it where it is.
void give_up_cores();
/// The kernel's mask for this thread: the program's, and all handled signals while one is on its
/// way.
void apply_mask(Slot& slot, uint64_t program_mask);
/// The guest has received all and queues none.
void signal_taken(Slot& slot);
/// The guest has left the link on which a signal went to it; its account of the thread is in the
/// slot: what it has not delivered is sent again, or raised again at home.
void settle_signals(Slot& slot);
/// The recorded signal dumps core, for which the program must be at home. False: nobody hears it.
bool ask_home_for_core(Slot& slot);
/// The program is about to make a call again that it was in: a signal that has come by now ends it,
/// as natively. All signals are blocked.
void end_called_off(Slot& slot, rt::UserContext& user);
/// A call that the program makes again, with its time in a register, gets what is left of it; and
/// the next move can tell whether it still waits in that call.
void note_timed_call(Slot& slot, rt::UserContext& user);
/// A recorded signal goes to the guest on its own, with a bell.
void send_recorded(Slot& slot);

/// A call that the deputy does by hand; true if it was one. Result, or a flag for the reply.
struct Done {
    long result = 0;
    uint16_t flags = 0;
};
bool perform_special(Slot& slot, uint32_t nr, uint64_t args[6], Done& done);
// lowest.cc
/// To be asked before a call that may make descriptors.
uint32_t rooms_opened();
/// What the call returns to the program: a new descriptor has the lowest number that is free, which
/// for a moment may have been the porter's.
long lowest_number(uint32_t before, uint32_t nr, uint64_t const* args, long result);
// descriptors.cc
/// Before a call: no number of ours gets through. False: it wants one for itself, at home.
bool hide_numbers(syscalls::Placement& placement);
/// After it: what was hidden is as the program gave it. False: natively it would have ended in
/// another way; home.
bool show_numbers(syscalls::Placement const& placement, long* result);
/// The program closes a range: ours stay.
long close_range(uint64_t first, uint64_t last, uint64_t flags, uint16_t* answer_flags);
/// Takes what is ours out of a listing of /proc/PID/fd, fdinfo or task.
long hide_entries(int fd, unsigned char* entries, long length, bool wide);

// crowded.cc
bool is_ours(uint64_t fd);
/// The program has that number now; nothing if it is none of the block.
void note_number(int32_t number);
/// It is about to give it up.
void forget_number(int32_t number);
/// The block is a new one.
void forget_numbers();
/// Closes what is ours in a part of the block, or what is the program's in any range.
void close_ours(int first, int last);
void close_programs(uint64_t first, uint64_t last, uint64_t flags);

// waits.cc
/// How a thread that comes home goes on with what it was waiting in: not at all, in the runtime, or
/// in the program's text, where the steward puts it.
enum class Wait { none, here, in_program };
/// Registers are set for a call that the program simply makes again.
Wait wait_owed(Slot& slot, rt::UserContext& user);
/// Waits, unless the steward takes the thread out of it; the result is in rax then.
void finish_wait(Slot& slot, rt::UserContext& user, Wait wait);

// rest.cc
/// Moves what is left of a transfer of which `done` bytes are moved; the result of the whole.
long finish_transfer(uint32_t nr, rt::UserContext const& user, uint64_t done);

// proc_files.cc
/// What a call on /proc files comes to here: 0, an error, or a reason to do it at home.
struct Look {
    long error = 0;
    wire::HomeReason home = wire::HomeReason::none;
    bool counts_threads = false; // what it opens tells how many threads there are
};
Look look_at_path(syscalls::Placement const& placement);
void remember_counting(int fd);
/// After a read: the porter is no thread of the program.
long hide_thread(syscalls::Placement const& placement, long result);

// threads.cc
Done new_thread(Slot& slot, uint64_t flags);
[[noreturn]] void end_thread(Slot& slot, int code);
bool start_porter();

// fork.cc
/// A child of the program, by the flags of clone. In it this does not return.
Done new_process(Slot& slot, uint64_t flags);

// exec.cc
/// execveat, as it lies on the link. If it succeeds nobody comes back.
long execute(Slot& slot, syscalls::Placement const& placement, uint16_t* flags);

} // namespace rove::deputy
