// SPDX-License-Identifier: Apache-2.0
// Vector cursor: walks the buffers of a segment, be they one or an iovec array's.
//
// The array is in the plan if it is short, otherwise it is read again from the caller's memory,
// eight entries at a time. No step goes beyond the segment's valid bytes, whatever the array says
// by then.
//
// Freestanding; used by the guest only.
#pragma once

#include "syscalls/plan.hh"

namespace rove::syscalls {

class VectorCursor {
public:
    VectorCursor(Segment const& segment, UserMemory const& user) : segment_(segment), user_(user) {}

    /// The next stretch of the caller's memory, at most `size` bytes, from byte `offset` of the
    /// segment on, which must not go back. False: there is no more, or the array has vanished.
    bool at(uint32_t offset, uint32_t size, Piece& piece);

private:
    bool load(uint32_t entry);

    Segment const& segment_;
    UserMemory const& user_;
    Piece entries_[8];
    uint32_t loaded_ = 0; // entries in entries_
    uint32_t first_ = 0;  // number of entries_[0]
    uint32_t entry_ = 0;  // present entry
    uint64_t before_ = 0; // bytes of the array in front of it
};

} // namespace rove::syscalls
