// SPDX-License-Identifier: Apache-2.0
// Place: the deputy's side of a forwarded call: puts a call's segments into scratch memory.
//
//   place(placement, body, size, scratch)   checks everything and gives each segment an address
//   fill(placement, in_bytes)               or: receive them into in_list() without a copy
//   patch(placement)                        stores the addresses where they belong; placement.args
//   is ready result = syscall(placement.nr, placement.args…) reply_layout(placement, result, reply)
//   what goes back, where it lies
//
// The body comes from the network: nothing of it is believed. Lengths and sums are checked before
// use, holders must be earlier segments, and segments never overlap. What the frame asks for can
// hurt only the process that it speaks for. A call that is local or comes home is refused; those
// whose row is `special` (exit, mmap, rt_sigaction …) pass, and the deputy's loop must know what to
// do instead of them.
//
// Freestanding; no allocation.
#pragma once

#include "syscalls/call_frame.hh"
#include "syscalls/row.hh"

namespace rove::syscalls {

/// Memory that the deputy has for one call.
struct Scratch {
    uint64_t base; // multiple of 4096
    uint64_t size;
    uint64_t
        hole; // an inaccessible page, best at base + size; 0: an address that no process can have
};

struct Placed {
    uint64_t address; // where its bytes are
    uint64_t pointer; // what the call is told; another address only if a fault is due
    uint32_t length;
    uint32_t valid;
};

struct Placement {
    uint64_t args[6]; // of the call, once patched
    uint16_t nr;
    uint8_t count;
    uint32_t in_bytes; // that follow the head
    uint32_t head_bytes;
    Placed placed[segments_max];
    WireSegment segments[segments_max];
};

/// `body` holds at least the head and the segments; `size` is what has been received of it.
/// 0, or -EBADMSG (malformed: give the link up), -ENOMEM (scratch too small, try a larger one),
/// -EPERM (not a call for deputies), -EAGAIN (size is less than the head).
long place(Placement& placement, void const* body, size_t size, Scratch const& scratch);

/// Bytes that a scratch must have for this call at most; 0 when the head is malformed.
uint64_t scratch_wanted(void const* body, size_t size);

/// Is there a segment whose end is missing, so that the fault must come in its middle? Then the
/// scratch needs a hole at its end.
bool breaks_off(void const* body, size_t size);

/// Copies placement.in_bytes bytes to their places.
void fill(Placement const& placement, void const* in_bytes);

/// Where the in bytes belong, in their order on the wire. Returns the number of pieces (≤
/// segments_max).
int in_list(Placement const& placement, Piece* to);

/// Stores pointers in arguments and segments. After fill, before the call. 0 or -EBADMSG.
long patch(Placement& placement);

/// What goes back: the reply's head and lengths, and the bytes where they lie.
struct Reply {
    ReplyHead head;
    uint32_t lengths[segments_max];
    int piece_count;
    Piece pieces[segments_max]; // empty ones left out
};
void reply_layout(Placement const& placement, long result, Reply& reply);

/// Bytes of a reply's head with its lengths (they lie in a row in Reply).
inline size_t reply_size(Reply const& reply) {
    return sizeof(ReplyHead) + reply.head.out_count * sizeof(uint32_t);
}

} // namespace rove::syscalls
