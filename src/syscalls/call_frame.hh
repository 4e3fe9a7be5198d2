// SPDX-License-Identifier: Apache-2.0
// Call frames: the body of a forwarded call and of its reply, as they lie on the link.
//
//   call  = CallHead · WireSegment[segment_count] · in bytes (`valid` of each in/inout segment, in
//   order) reply = ReplyHead · uint32_t lengths[out_count]  · out bytes (lengths[i] of the i-th
//   out/inout segment)
//
// A segment is one piece of the caller's memory. Where it is in the caller's address space is not
// said: the deputy puts it into scratch memory and stores the new address where `holder` says, that
// is in an argument register or inside an earlier segment. The lengths of a reply are told, not
// deduced, so that the guest needs no rule to take them and can receive them in any portions.
//
// Freestanding: fixed structs, little-endian, no padding. Both sides treat what they receive as
// hostile.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace rove::syscalls {

inline constexpr unsigned segments_max = 64;

/// none: memory that the call needs, of which nothing travels; views may go back from it.
enum class Direction : uint8_t { none = 0, in = 1, out = 2, inout = 3 };

/// How much of an out/inout segment goes back after a call that succeeded. Nothing does after an
/// error, unless flag_on_error.
enum class Clip : uint8_t {
    whole = 0,          // all of it
    by_result = 1,      // result bytes
    by_result_unit = 2, // result × unit bytes
    if_result = 3,      // all of it when the result is not 0
    by_u32 = 4,   // as many as the 32-bit number at offset `unit` of segment `other` says then
    by_u64 = 5,   // the same, 64 bits
    if_above = 6, // all of it when the result is greater than `unit`
};

inline constexpr uint8_t holder_segment =
    16; // holder 16+k: the pointer lies in segment k, at holder_offset
inline constexpr uint8_t holder_view =
    254; // no memory of its own: bytes of the earlier segment `other`, from
         // holder_offset on, that go back to a place of their own (out only)

inline constexpr uint8_t flag_on_error = 1;  // goes back (whole) after an error, too
inline constexpr uint8_t flag_forgiving = 2; // a caller's page that cannot be written is no error
inline constexpr uint8_t flag_vector =
    4; // guest only: `address` is an iovec array, the segment is its bytes in a row
inline constexpr uint8_t flag_zeros =
    8; // what the caller cannot access counts as zeros, if some of it is there
inline constexpr uint8_t wire_flags = flag_on_error | flag_forgiving | flag_zeros;

struct CallHead {
    uint16_t nr;
    uint8_t segment_count;
    uint8_t flags; // zero
    uint32_t in_bytes;
    uint64_t args[6];
};
static_assert(sizeof(CallHead) == 56);

struct WireSegment {
    uint32_t length;
    uint32_t valid; // how many bytes from its start the caller can really access; fewer than
                    // length: EFAULT awaits
    uint16_t align; // caller's address modulo 4096: kept for segments of ≥ 512 bytes (O_DIRECT)
    uint16_t holder_offset;
    uint16_t unit;
    uint8_t holder;
    Direction direction;
    Clip clip;
    uint8_t flags;
    uint8_t other;    // for a view and by_u32, by_u64; a view is clipped by the result only
    uint8_t reserved; // zero
};
static_assert(sizeof(WireSegment) == 20);

inline constexpr size_t call_head_max = sizeof(CallHead) + segments_max * sizeof(WireSegment);

struct ReplyHead {
    int64_t result;
    uint32_t out_bytes; // sum of the lengths
    uint16_t out_count;
    uint16_t flags; // zero
};
static_assert(sizeof(ReplyHead) == 16);

inline constexpr size_t reply_head_max = sizeof(ReplyHead) + segments_max * sizeof(uint32_t);

/// A stretch of memory of this process; has the layout of struct iovec.
struct Piece {
    uint64_t address;
    uint64_t length;
};

/// Limits that the kernel has, too: no call moves more than this at once.
inline constexpr uint64_t transfer_max = 0x7ffff000;

} // namespace rove::syscalls
