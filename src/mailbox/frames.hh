// SPDX-License-Identifier: Apache-2.0
// Frames: what two mailboxes say to each other on a line.
//
// A line is a stream of bytes between the two, and may break at any byte. Each frame is a head and
// `length` bytes. Every head says how far the speaker has come with what it was sent: `taken`, the
// last message that is in its mailbox, and `freed`, the room that its program has given back. So an
// answer is an acknowledgement, and no number is ever sent twice with another meaning.
#pragma once

#include <cstdint>

#include "base/bytes.hh"
#include "base/result.hh"

namespace rove::mailbox {

/// APPEND ONLY; numbers are the protocol.
enum class FrameType : uint8_t {
    none = 0,
    hello = 1,   // first on each line: Hello
    message = 2, // `sequence` is its number, from 1 on; `length` bytes follow
    ack = 3,
    ask = 4,     // for an ack; sequence 1: and one whenever room is given back
    rest = 5,    // may this line be closed, it is not needed now?
    resting = 6, // the answer: yes, it is the last frame
    bye = 7,     // the speaker sends nothing more, and takes nothing more
};

struct FrameHead {
    uint32_t length = 0;
    FrameType type = FrameType::none;
    uint8_t reserved[3] = {};
    uint64_t sequence = 0;
    uint64_t taken = 0;
    uint64_t freed = 0;
};
static_assert(sizeof(FrameHead) == 32);

struct Hello {
    uint32_t magic = 0x4d564f52; // "ROVM"
    uint32_t version = 1;
    uint64_t speaker = 0, listener = 0; // incarnations
};
static_assert(sizeof(Hello) == 24);

inline constexpr uint32_t message_length_max = 128u << 20; // a stranger makes us allocate it

/// The largest body of a frame, or an error for a type that we do not know.
Result<uint32_t> body_max(FrameType type);
/// Whether it can be one: type, length, reserved bytes.
Status check_head(FrameHead const& head);

/// What a message takes of its receiver's room: empty ones are not free.
constexpr uint64_t room_of(uint64_t length) {
    constexpr uint64_t overhead = 128;
    return length + overhead;
}

} // namespace rove::mailbox
