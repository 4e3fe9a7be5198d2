// SPDX-License-Identifier: Apache-2.0
// Slot: how runtime code finds its thread's slot and the process's control page.
//
// A runtime thread always stands on its slot's stack, and slots are aligned to their size, so the
// stack pointer tells the slot; the control page lies at a fixed distance of the runtime's text.
#pragma once

#include <stddef.h>

#include "seal/stream.hh"
#include "wire/link.hh"
#include "wire/region.hh"

namespace rove::rt {

using wire::Control;
using wire::Phase;
using wire::Slot;
using wire::SlotState;

/// What the runtime itself remembers of a thread: the slot's second page.
struct HotSite {
    uint64_t next; // address behind the `syscall`
    uint32_t traps;
    uint32_t hopeless; // it cannot be patched
};
inline constexpr uint32_t hot_sites_max = 16;

inline constexpr uint32_t block_words = (2 * wire::slots_max + 64) / 64;

struct Private {
    uint64_t
        patched_rsp; // guest: the program's stack pointer while a patched call begins, see entry.S
    uint32_t volatile stop;  // not 0: look at phase, link and pending signals before going on
    uint32_t signals_queued; // guest: signals received and not yet delivered
    wire::WireSignal signals[8];
    uint32_t
        signals_recorded; // deputy: what is in `signals[0]`: 0 nothing, 1 one that the kernel gave,
                          // 2 sent, and not yet taken, 3 one that ends the process at home
    uint64_t sent_mask;   // guest: the mask that home knows
    // link input that was read ahead; if the link is sealed, [sealed_begin, sealed_end) behind it
    // is what has come and cannot be opened yet
    uint32_t input_begin, input_end, sealed_begin, sealed_end;
    uint32_t link_epoch; // that the link is of
    seal::Stream link;
    // adaptive waiting, see link_io.cc
    uint32_t spin_misses, spin_skip, spin_pause;
    uint32_t window_settled;  // of the link, see link_io.cc
    uint32_t signals_wanted;  // guest: home may hold signals that must come before the program's
                              // next instruction
    uint64_t fast_context;    // guest: the UserContext that may be left by the short way, or 0
    uint64_t fast_frame;      // guest: the kernel's frame that it is in
    uint64_t fast_rip;        // guest: where the short way leads
    uint64_t patched_context; // guest: the registers of a patched call, a UserContext without
                              // extended state
    uint32_t leaving_vdso;    // guest: it is stepped out of the vdso, see trap.cc
    uint32_t taking_context;  // guest: the next kick makes a frame of patched_context
    uint32_t departed; // guest: asked to go home, parks until it is moved, or all are resumed
    uint32_t departed_resumes;        // guest: Control::resumes when it asked
    HotSite hot_sites[hot_sites_max]; // guest: where calls have trapped lately
    uint32_t hot_oldest;
    uint32_t shares;   // guest: a child that shares its parent's memory until it executes another
                       // program; it parks for nobody
    uint32_t executes; // guest: where the link ends, home runs another program
    wire::CalledOff
        resumed; // guest: what the call that is being made was before, if it was called off
    // guest, cpu_time.cc: what home's CPU clocks said of the process and the thread, and
    // Control::exchanged as of then; 0: nothing yet
    int64_t home_cpu_ns[2];
    uint64_t home_cpu_as_of[2];
    // deputy, of slot 0: which numbers of the block are the program's, see deputy/crowded.cc
    uint64_t program_numbers[block_words];
    uint32_t crowded;   // there has been one
    uint32_t ask_again; // guest: home's wait was called off, and nobody goes on with it on this
                        // link unless asked to
};
static_assert(sizeof(Private) <= 0x1000 && offsetof(Private, patched_rsp) == 0);

/// Requires: the caller stands on a slot's stack.
inline Slot& this_slot() {
    uint64_t sp;
    asm("mov %%rsp, %0" : "=r"(sp));
    return *reinterpret_cast<Slot*>(sp & ~(wire::slot_size - 1));
}
inline Private& own(Slot& slot) {
    return *reinterpret_cast<Private*>(reinterpret_cast<uint64_t>(&slot) + 0x1000);
}
inline unsigned char* buffer(Slot& slot) {
    return reinterpret_cast<unsigned char*>(&slot) + wire::slot_buffer_offset;
}
/// The region's base, from the address of the runtime's own text.
uint64_t region_base();
inline Control& control() {
    return *reinterpret_cast<Control*>(region_base() + wire::control_offset);
}
inline Slot& slot_at(uint32_t index) {
    return *reinterpret_cast<Slot*>(wire::slot_address(region_base(), index));
}
inline Phase phase() {
    return __atomic_load_n(&control().phase, __ATOMIC_ACQUIRE);
}
/// Whoever says that it waits looks at the phase afterwards, and not before that is seen; of one
/// that is busy nobody asks anything.
inline void set_state(Slot& slot, SlotState state) {
    if (state == SlotState::busy) return __atomic_store_n(&slot.state, state, __ATOMIC_RELEASE);
    __atomic_store_n(&slot.state, state, __ATOMIC_SEQ_CST);
}

/// Ends the process's runtime with a numbered reason: our own bug. The number is left where the
/// keeper finds it.
[[noreturn]] inline void bug(uint64_t number) {
    slot_at(0).private_words[31] = number;
    asm volatile("ud2" : : "a"(number));
    __builtin_unreachable();
}

} // namespace rove::rt
