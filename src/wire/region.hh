// SPDX-License-Identifier: Apache-2.0
// Region: the piece of address space that the runtime occupies in a process, and what lies in it.
//
// It has the same address in P and in R, is aligned to 1 GiB, and holds the blob's text, one
// control page and a slot per thread. Blob code finds its slot by rounding the stack pointer down.
// Hosted code reads and writes it from outside (process_vm_readv and friends); what it reads from a
// guest's region is hostile and is checked before use.
//
// Freestanding. A change of any layout here needs a new region_version.
#pragma once

#include <stdint.h>

#include "wire/called_off.hh"
#include "wire/mail_call.hh"
#include "wire/mail_ring.hh"

namespace rove::wire {

inline constexpr uint32_t region_magic = 0x45564f52; // "ROVE"
inline constexpr uint32_t region_version = 13;

inline constexpr uint64_t region_align = 1ull << 30;
inline constexpr uint64_t text_offset =
    0x1000; // the first page stays unmapped: nothing of the program ends where our text begins
inline constexpr uint64_t text_size = 0x7f000; // blob text and constants, read and execute only
inline constexpr uint64_t control_offset = 0x80000;
inline constexpr uint64_t control_size = 0x10000;
inline constexpr uint64_t porter_slot = 0; // slot 0 is the porter's (in P) or the builder's (in R)
inline constexpr uint64_t slot_size = 0x20000; // 128 KiB, and aligned to it
inline constexpr uint64_t slots_offset = 0xa0000;
inline constexpr uint32_t slots_max = 1024; // slot 0 included
/// R: the slots from here on are for children that share the program's memory until they execute
/// another one (vfork); one more, the last, is the warden's. Threads have those before.
inline constexpr uint32_t vfork_slots = 1008;
/// R: the last one, before and after the vdso waits there: the holder's, see guest/holder.cc.
inline constexpr uint32_t holder_slot = slots_max - 1;
/// R: rings of mailboxes that other guests of this host have as well, in the order of
/// Control::mail_ends. The filter does not protect them as it does the rest: who spoils them
/// spoils his own lines.
inline constexpr uint64_t rings_offset = slots_offset + slots_max * slot_size;
inline constexpr uint64_t region_size =
    rings_offset + mail_ends_max * sizeof(MailRing); // about 385 MiB, not reserved

/// Parts of a slot: the Slot struct in the first two pages; the frame area; the stack; the buffer.
inline constexpr uint64_t slot_frame_offset =
    0x2000; // 24 KiB: a thread's rt_sigframe when it is imported
inline constexpr uint64_t slot_frame_size = 0x6000;
inline constexpr uint64_t slot_stack_offset =
    0x8000;                                         // 64 KiB; also the alternate signal stack in R
inline constexpr uint64_t slot_stack_size = 0xe000; // 56 KiB
inline constexpr uint64_t slot_buffer_offset = 0x16000;
inline constexpr uint64_t slot_buffer_size =
    0xa000; // 40 KiB: frames of ordinary size, scratch of ordinary calls

/// What the threads of P (or R) shall do. Written by the keeper, or by the porter when its keeper
/// has died.
enum class Phase : uint32_t {
    none = 0,
    preparing = 1, // P: threads enter and wait; a lost keeper means `released`
    serving = 2,   // P: deputies serve; R: the program runs
    parking = 3,   // P: answer what can be answered, cancel the rest; R: park at the next boundary
    released = 4,  // P: restore the frame in the slot and go on natively
    ending = 5,    // the process is ending
};

/// The thread's own account of where it is; read by the keeper.
enum class SlotState : uint32_t {
    free = 0,
    entering = 1,  // P: has been set to the entry point
    waiting = 2,   // P: state recorded, waits for the phase to change (control.phase futex)
    idle = 3,      // P: in recv on its link
    busy = 4,      // P: between frames, will look at the phase before it blocks
    in_call = 5,   // P: performs a call for its guest
    parked = 6,    // P and R: stands still; in R `frame` is the user's state
    running = 7,   // R: the program, or a call on its way
    leaving = 8,   // P: on its way to native execution
    gone = 9,      // the thread has ended; the slot can be used again once the keeper has seen it
    starting = 10, // reserved for a thread that is being created
    asleep = 11,   // P: as `leaving`, but into a wait, all signals blocked, from which the steward
                   // puts it into the program
};

/// What a parked or imported thread still owes the program before its frame is right.
enum class Pending : uint32_t {
    none = 0,
    sleep = 1, // nanosleep/clock_nanosleep: until `deadline_ns` on `sleep_clock`, then result 0
    futex = 2, // FUTEX_WAIT*: run again, until `deadline_ns` if `has_deadline`
    rest = 4,  // a transfer (call number `rest_call`) has moved `rest_done` bytes, and goes on; the
               // registers are the call's
    call = 3,  // the deputy is in this call (restart_word): its answer comes with sequence 0;
               // `rest_call`: poll, or 0 for a sleep
};

/// User state of one thread that is not in its register frame. Travels with it.
struct ThreadState {
    uint64_t fs_base;
    uint64_t gs_base;
    uint64_t altstack_base, altstack_size;
    uint32_t altstack_flags;
    uint32_t rseq_length; // 0: not registered
    uint64_t rseq_address;
    uint32_t rseq_signature;
    uint32_t rseq_flags;
    uint64_t robust_list, robust_length;
    uint64_t clear_tid;  // set_tid_address / CLONE_CHILD_CLEARTID
    uint64_t mask;       // the program's signal mask
    uint64_t saved_mask; // during sigsuspend, ppoll …: what to restore
    uint32_t has_saved_mask;
    Pending pending;
    uint32_t sleep_clock;
    uint32_t has_deadline;
    uint64_t deadline_ns;
    uint64_t sleep_remaining; // user address of nanosleep's second argument, or 0
    uint32_t pdeath_signal;
    uint32_t signals_seen;    // counts of the signal transport, see link.hh
    uint64_t call_started_ns; // CLOCK_MONOTONIC, when the call in progress began; 0: none
    uint64_t rest_done;
    int64_t cpu_before_ns; // R: CPU time used before this stay, less what the clock here showed at
                           // its beginning
    int64_t cpu_here_ns;   // R, when parked: what the clock here shows
    char name[16];         // PR_GET_NAME
    uint32_t signals_undelivered; // R, when parked: received and still queued
    uint32_t rest_call;
    CalledOff called_off;
};

struct Slot {
    uint32_t index;
    int32_t tid;
    SlotState state; // also a futex word
    int32_t link_fd;
    uint64_t frame; // address of the rt_sigframe (pretcode first) that holds the user's registers
    uint64_t frame_length;
    ThreadState thread;
    uint32_t link_ready;   // futex word: the keeper sets 1 when link_fd is valid (new threads)
    uint32_t sequence;     // of the last call
    uint32_t signals_sent; // P: signal bodies sent on this thread
    uint32_t home_reason;  // R: why it asked to go home, ~0 if it did not
    uint32_t home_call;
    int32_t exit_code;
    uint64_t mirror_mask;       // P: the mask that the kernel has for this thread
    uint64_t call_address;      // P: nothing outside the blob uses this
    uint64_t private_words[32]; // the blob's own per-thread variables
    int32_t next_link_fd;       // P: the link to use once the epoch is `next_link_epoch`; 0: none
    uint32_t next_link_epoch;
};
static_assert(sizeof(Slot) <= 0x1000);

/// One program-level signal action, as the kernel's struct.
struct Action {
    uint64_t handler, flags, restorer, mask;
};

/// membarrier's commands that register a process: global and private expedited, sync core, rseq.
inline constexpr uint64_t membarrier_registers = 1 << 2 | 1 << 4 | 1 << 6 | 1 << 8;

inline constexpr uint32_t counting_max = 64;
/// Files that a process maps for writing and that nobody else has, see migrate/own_files.hh.
inline constexpr uint32_t own_files_max = 8;
/// What has been counted of one system call: a cache line of its own, as each call touches it.
struct alignas(64) CallCount {
    uint64_t calls, errors, forwarded;
    uint64_t bytes; // of frames of forwarded ones, both ways
    uint64_t ticks; // that the forwarded ones took here, in the processor's
    uint64_t us;    // and in the stays before
};
/// One for each number of a call; the last is for what has none.
inline constexpr uint32_t call_counts = 512;

/// Where the process lives in one epoch: what a new steward needs to find it.
struct Whereabouts {
    uint32_t epoch;
    char host[64];
    uint8_t landing[320]; // where the warden is: an encoded Landing, length first (u16)
};

/// R: a stretch of the program's text in which call sites may be patched, and the unused room at
/// its end for detours.
struct PatchText {
    uint64_t start, end;
    uint64_t room, room_end; // zeros in the file; what is taken of it moves `room` up
    uint64_t tail_address;   // what lies there tells that it still is this text
    uint8_t tail[32];
};
inline constexpr uint64_t detour_size = 40,
                          detour_code = 8; // of a detour, and where the jump to it leads
/// R: `mov $number, %eax` in front of a `syscall`, which is a jump into its detour now.
struct PatchSite {
    uint64_t address, detour;
    uint64_t number;
};
inline constexpr uint32_t patch_texts_max = 64, patch_sites_max = 64;

/// P: a link that is ready for the next child of the program, and where the child's guest will be
/// found.
struct Spare {
    uint32_t epoch; // that it is good for; 0: taken, or never made
    uint32_t id;
    int32_t link_fd;
    uint32_t reserved;
    uint8_t landing[320]; // encoded, length first (u16)
};
inline constexpr uint32_t spares_max = 4;

/// R: a guest's own end of a line between mailboxes, see mail_call.hh.
struct MailEnd {
    uint64_t ticket; // 0: none
    int32_t fd;
    uint32_t ring; // 0: none, fd is a socket; else our side of it + 1, and fd is its bell
};
inline constexpr uint32_t mail_ring_side = 3, mail_ring_alone = 4; // in `ring`: nobody has the rest

/// Whether the steward takes the process back to its host when it executes another program.
enum class FollowExec : uint32_t {
    unasked = 0,
    asked = 1,
    yes = 2, // it holds the process at its next exec
    no = 3,
};

/// See wire/keeper.hh.
struct Token {
    uint8_t said[16], secret[16];
};

struct Control {
    uint32_t magic, version;
    Phase phase;    // futex word
    uint32_t epoch; // +1 at each commit; deputies refuse frames of another epoch
    uint32_t
        resumes; // R: +1 when all are to go on here, also who had asked to go home: it asks again
    uint32_t remapped;  // P: +1 for each mapping that a deputy makes among the program's
    uint64_t base;      // this region
    int32_t pid;        // of P in its PID namespace
    int32_t command_fd; // porter's or builder's command socket (stream); -1 when closed
    int32_t alarm_fd;   // P: SOCK_SEQPACKET to the steward, see Alarm; R: SOCK_SEQPACKET to the
                        // warden, see Service
    int32_t fd_first, fd_last; // P: the block of descriptor numbers that are ours
    uint32_t threads;          // program threads alive (slots in use, without slot 0)
    uint32_t lock;             // futex lock for slot allocation and the like
    uint32_t service_lock;     // R: futex lock for the service socket
    uint32_t is_guest;         // 1 in R
    uint32_t cores_want; // P: core dumps are made: 1 as RLIMIT_CORE says, 2 by a program, whatever
                         // it says
    uint64_t brk_start, brk_now;
    uint64_t xsave_size; // user-visible XSAVE area, bytes
    uint64_t xfeatures;
    uint64_t realtime_offset_ns; // home's CLOCK_REALTIME − host's, signed
    Action actions[65];          // program's actions by signal number, 1..64
    Whereabouts
        places[2]; // of epoch e at e & 1: the next one's is written beside the present one's
    CallCount calls[call_counts];   // R: since the process first left home, for `rove trace`
    uint32_t page_bytes;            // 4096
    uint32_t cpu_count;             // home's, for getcpu
    uint32_t cpu_timer;             // P: 1 if a timer of setitimer runs on CPU time
    uint32_t counting_count;        // P: how many were ever written to `counting`, a ring
    int32_t counting[counting_max]; // P: descriptors that tell the number of threads
    uint64_t vdso_begin, vdso_end;  // R: where the kernel's own functions lie
    int64_t cpu_before_ns;          // R: as of a thread, of the process
    uint32_t
        patch_allowed; // R: 1 if the warden takes patches back before anybody else sees the text
    uint32_t patch_texts_count, patch_sites_count;
    uint32_t map_lock;     // P: futex lock of deputies that map and the porter that receives ahead
    uint32_t watched;      // R: 1 while the warden watches writes, see mremap in local.cc
    uint32_t slots_end;    // R: one more than the highest slot that a thread has had
    uint32_t lacks;        // R: 1 while pages of it are still at home
    uint64_t exchanged;    // R: requests to home and answers, of all threads
    uint32_t number_rooms; // P: +1 when the porter may hold a low descriptor number, +1 when it
                           // does not any more, see rt/number_room.hh
    uint32_t spares_made;  // P: futex word: +1 for each new spare
    Spare spares[spares_max]; // P: under `lock`
    int32_t parents_alarm_fd; // P: of a child that no steward has attended to yet: its parent's
    FollowExec follow_exec;   // P: futex word
    uint32_t own_files;       // files that it maps for writing, and has with it
    int32_t own_file_fds[own_files_max]; // P: each of them, under a lease of its steward
    /// Of epoch e at e & 1: the session's whole token, if its connections are sealed
    /// (seal/stream.hh). P: the next one's is written beside the present one's.
    Token tokens[2];
    uint32_t sealed[2]; // 1: there is one
    PatchText patch_texts[patch_texts_max];
    PatchSite patch_sites[patch_sites_max];
    MailEnd mail_ends[mail_ends_max]; // R: written under `lock`
};
static_assert(sizeof(Control) <= control_size);

/// P's runtime → steward, one packet each, on alarm_fd.
enum class AlarmType : uint32_t {
    none = 0,
    home_wanted = 1,    // slot asks to come home: value = reason | call << 32
    link_wanted = 2,    // a new thread's slot needs a link
    thread_gone = 3,    // slot's thread has ended
    signal_core = 4,    // a default-core signal (value) wants the process at home
    released = 5,       // a thread is about to run natively again
    spare_wanted = 6,   // a spare has been taken, or there was none
    process_born = 7,   // value = PID of a child that lives where its parent's guest is
    steward_wanted = 8, // value = PID of such a child
    exec_wanted = 9, // slot is about to execute another program, and waits for Control::follow_exec
};
struct Alarm {
    AlarmType type;
    uint32_t slot;
    uint64_t value;
};
static_assert(sizeof(Alarm) == 16);

/// Executor: commands of a keeper to the porter in P, or to the builder in R, on a UNIX stream
/// socket. Commands can be sent ahead; each is answered by one ExecReply in order.
enum class ExecOp : uint32_t {
    none = 0,
    call = 1,    // args[0..5], number = args[6]; inline bytes lie at executor_buffer(slot 0)
    take_fd = 2, // one descriptor comes over SCM_RIGHTS with the next byte; result = its number (≥
                 // args[0])
    receive =
        3,    // receive pages from fd args[0] until the end mark; result = bytes of memory received
    send = 4, // send the inline PageRange[] to fd args[0] with end mark iff args[3], sealed with
              // the secret of epoch args[4] if it has one; args[1], args[2]: not used
    write = 5, // inline bytes → address args[0]
    read = 6,  // args[1] bytes from args[0] (≤ executor_inline_max): reply with inline bytes
    start = 7, // R: start the thread of slot args[0] (clone with TID slot.tid), or the holder, if
               // it is that slot; result = TID
    run = 8,   // R: close everything, become slot args[0]'s thread; no reply. P: porter ends itself
    populate = 9, // fault in the inline PageRange[] for writing; result = bytes
    calls = 10,   // inline ExecCall[]: performed in order until one fails; result = how many
                  // succeeded, error in ExecReply.detail
    filled = 11,  // P: which of the args[1] pages at args[0] are not all zeros? A bitmap as inline
                  // bytes. args[2]: Control::remapped as of when these were known to be mapped
    userfault = 12, // P: make a userfaultfd with flags args[0]; result = its number (≥ args[1])
};
inline constexpr uint32_t executor_inline_max = 0x8000;

struct ExecCommand {
    ExecOp op;
    uint32_t length; // of the inline bytes that follow, ≤ executor_inline_max
    uint64_t args[7];
};
static_assert(sizeof(ExecCommand) == 64);
struct ExecReply {
    int64_t result; // -errno on failure
    int64_t detail;
    uint32_t length; // of inline bytes that follow
    uint32_t reserved;
};
static_assert(sizeof(ExecReply) == 24);
struct ExecCall {
    uint64_t number;
    uint64_t args[6];
    int64_t want; // the result it must have; -1: anything that is not an error
};

struct PageRange {
    uint64_t address;
    uint64_t length; // bytes, multiple of the page size
};

/// Warden → holder, one packet each (SOCK_SEQPACKET): an empty one, answered when what was the
/// runtime's own memory is zeros again; then this, with a command and a service socket over
/// SCM_RIGHTS, which get the numbers `fd_first` and the next; answered by a HolderReply.
struct HolderOrder {
    int32_t pid; // of the guest that is to be made
    int32_t fd_first;
};
struct HolderReply {
    int64_t result; // its PID, or -errno; 0: the memory is cleared; 1: it waits for orders
};

/// Page stream: PageHeader, then `length` bytes of memory for `address`; the end mark has length 0
/// and address ~0.
struct PageHeader {
    uint64_t address;
    uint64_t length;
};

/// R's guest threads → warden on the service socket (SOCK_SEQPACKET), answered in order.
enum class ServiceType : uint32_t {
    none = 0,
    new_thread = 1,  // value = TID wanted next; reply: value 0 and the slot's link over SCM_RIGHTS,
                     // or value = -errno
    home_lost = 2,   // the link of `slot` has ended
    new_process = 3, // value = PID wanted next, slot = id of the spare; reply: value 0 and, over
                     // SCM_RIGHTS, the spare's link and the child's own service socket
    born = 4, // on the child's own: it lives, value = its PID; slot = its slot, or 0 if it shares
              // its parent's memory
    made = 5, // the thread or process with the promised number is there, or will not be; value = it
    map_file = 6,    // value = address of a file that home has mapped for it, slot = pages; reply:
                     // value = offset in the file that comes over SCM_RIGHTS; or -errno: fetch its
                     // bytes, but -EAGAIN: make the call again, which will find a move
    take_line = 7,   // value = ticket of an end of a line; reply: value 0 and the end over
                     // SCM_RIGHTS, or -ENOENT
    bring_pages = 9, // slot = pages from address `value` on, or 0: all; reply, when none of them is
                     // at home any more: value 0, or -EAGAIN: ask again
};
struct Service {
    ServiceType type;
    uint32_t slot;
    int64_t value;
};
static_assert(sizeof(Service) == 16);

inline constexpr uint64_t slot_address(uint64_t region, uint64_t index) {
    return region + slots_offset + index * slot_size;
}
/// Where the inline bytes of a command lie in the process, for calls that take pointers to them.
inline constexpr uint64_t executor_buffer(uint64_t region) {
    return slot_address(region, 0) + slot_buffer_offset;
}
/// Words of slot 0 that keepers and the runtime use by number.
enum Slot0Word : uint32_t {
    command_peer_word =
        0,               // P: number of the steward's end of the command socket, until it takes it
    alarm_peer_word = 1, // P: likewise for the alarm socket
    filter_length_word = 4,  // R: number of struct sock_filter
    filter_address_word = 5, // R: where they lie, in the region
    guest_uid_word = 6, // R: uid and gid that the guest's threads take on in their user namespace
    guest_gid_word = 7,
};
/// Word of another slot: 1 when the thread was caught in a relative nanosleep or clock_nanosleep,
/// or in poll (rax = -516). It enters at rove_entry_deputy like all others (there is no other
/// entry); the deputy ends the wait by restart_syscall and answers it; the guest's image has
/// Pending::call and rip behind the call.
inline constexpr uint32_t restart_word = 8;
/// Word of a slot whose thread has come home to a call that CalledOff::timed tells of: 1 + how
/// often it has slept by then. It sleeps in that very call as long as it has slept once more.
inline constexpr uint32_t sleeps_word = 9;
/// And with this time in milliseconds, which a later call hardly has.
inline constexpr uint32_t time_word = 10;

} // namespace rove::wire
