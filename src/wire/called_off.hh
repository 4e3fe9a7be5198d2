// SPDX-License-Identifier: Apache-2.0
// Called off: a call that a thread was in when it was moved, and that it will make again.
//
// Freestanding. Until it has done so, a signal with a handler ends the call as it would have
// without a move: what the kernel meant to do about that call travels along.
#pragma once

#include <stdint.h>

namespace rove::wire {

/// What the kernel leaves as the result of a call that a signal, or a tracer, has interrupted.
enum Restart : int32_t {
    eintr = -4,             // never
    restart_sys = -512,     // unless a handler without SA_RESTART has run
    restart_no_intr = -513, // always
    restart_no_hand = -514, // unless any handler has run
    restart_block = -516,   // likewise, through restart_syscall
};

struct CalledOff {
    uint64_t at;  // address of the `syscall` at which the program stands; 0: there is no such call
    int32_t code; // a Restart
    uint32_t timed; // number of a call whose time is counted from its beginning: it is to end at
                    // ThreadState::deadline_ns; 0: of another one
    /// Does a handler end it for a program that stands at `rip`?
    bool ended_by(uint64_t rip, bool restarts) const {
        return at != 0 && rip == at && (code == restart_sys ? !restarts : code != restart_no_intr);
    }
};
static_assert(sizeof(CalledOff) == 16);

} // namespace rove::wire
