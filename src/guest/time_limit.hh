// SPDX-License-Identifier: Apache-2.0
// Time limit: a call that waits for a relative time, and is called off for a move, waits for what
// is left of it when it is made again.
//
// Linux writes the rest into the program's memory for some calls; of the others, which only read
// their time, the end travels with the thread (CalledOff::timed).
#pragma once

#include "guest/guest.hh"

namespace rove::guest {

/// A time that the call only reads: milliseconds in a register, or a struct timespec.
class TimedCall {
public:
    TimedCall(Slot& slot, UserContext const& user, uint32_t nr, uint64_t const args[6]);
    /// What is left, in place of the time that was given, if it is made again. `this` must last.
    void shorten(uint64_t args[6]);
    /// It is called off; `code` is what the kernel had in mind for it, or 0.
    void keep(Slot& slot, UserContext const& user, int32_t code) const;

private:
    uint32_t nr_;
    int argument_ = -1; // which one the time is; -1: there is none
    bool in_memory_ = false;
    bool again_ = false;
    long deadline_ = 0; // CLOCK_MONOTONIC, ns; 0: it may wait for ever, or not at all
    int64_t left_[2] = {};
};

/// The time of select, pselect6 and ppoll.
class WrittenTime {
public:
    WrittenTime() = default; // of a call that has none
    explicit WrittenTime(uint32_t nr);
    /// It is called off.
    void shorten(UserContext const& user) const;

private:
    uint32_t nr_ = 0;
    long started_ = 0; // CLOCK_MONOTONIC, ns; 0: another call
};

} // namespace rove::guest
