// SPDX-License-Identifier: Apache-2.0
// Link frames: what a guest thread and its deputy thread say to each other.
//
// One TCP connection per thread, no daemon in between. Every frame is a LinkHeader and `length`
// bytes of body. The guest asks (call), the deputy answers (reply); a signal that reaches the
// deputy while the guest computes goes as a signal frame, followed by one urgent byte as a doorbell
// (the kernel turns it into SIGURG for the thread that owns the guest's end).
//
// Freestanding: fixed structs, little-endian, no padding.
#pragma once

#include <stdint.h>

namespace rove::wire {

inline constexpr uint8_t link_magic = 0x52;
inline constexpr uint8_t link_version = 1;

/// APPEND ONLY; numbers are the protocol.
enum class LinkType : uint8_t {
    none = 0,
    call = 1,    // guest → deputy: body is a call frame (syscalls/call_frame.hh)
    reply = 2,   // deputy → guest: body is a reply frame, then a WireSignal if flag_signal
    signal = 3,  // deputy → guest: body is a WireSignal
    taken = 4,   // guest → deputy: the signals counted in `signals_seen` have been delivered
    fetch = 5,   // guest → deputy: body is a FetchRequest: send memory of a mapping made at home
    fetched = 6, // deputy → guest: body is that memory, or empty when it cannot be read
    come_home = 7, // guest → deputy: body is a HomeRequest; answered by nothing: the thread parks
    actions = 8,   // guest → deputy: not used yet; reserved for batched signal actions
};

inline constexpr uint16_t flag_signal = 1;  // reply: a WireSignal follows the reply frame
inline constexpr uint16_t flag_restart = 2; // reply: the call was not performed; do it again
inline constexpr uint16_t flag_interrupted =
    4; // reply: a signal ended it as SA_RESTART calls end (-ERESTARTSYS)
inline constexpr uint16_t flag_parking = 8; // reply: the process is being moved, park now
inline constexpr uint16_t flag_taken = 16; // guest → deputy: no signal is waiting here, send more
inline constexpr uint16_t flag_go_home = 32; // reply: not performed; it must be done at home
inline constexpr uint16_t flag_cut_off =
    64; // reply: the call was called off for a move after it had moved a part
inline constexpr uint16_t flag_sealed = 0x8000; // reserved: the body is encrypted and authenticated

struct LinkHeader {
    uint8_t magic;
    uint8_t version;
    LinkType type;
    uint8_t reserved; // zero
    uint16_t flags;
    uint16_t epoch;        // low bits of the session's epoch
    uint32_t length;       // of the body, in bytes
    uint32_t sequence;     // of the call; the reply repeats it
    uint32_t signals_seen; // guest → deputy: how many signal bodies it has received on this thread
                           // in all
    uint32_t reserved2; // zero
    uint64_t mask;      // guest → deputy: the program's signal mask now
};
static_assert(sizeof(LinkHeader) == 32);

/// A signal for the program: the kernel's siginfo as it is.
struct WireSignal {
    uint32_t number;
    uint32_t reserved;
    uint8_t info[128];
};
static_assert(sizeof(WireSignal) == 136);

struct FetchRequest {
    uint64_t address;
    uint64_t length;
};

struct HomeRequest {
    uint32_t reason; // index into reasons.def
    uint32_t call;   // the system call that asked for it, or ~0
};

/// Limits: a body is never larger than what one system call may carry.
inline constexpr uint32_t link_body_max = 0x7fffffff;

} // namespace rove::wire
