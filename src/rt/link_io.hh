// SPDX-License-Identifier: Apache-2.0
// Link I/O: frames on a thread's link, with waiting that spins only where spinning pays.
#pragma once

#include "rt/slot.hh"
#include "rt/sys.hh"
#include "rt/vectors.hh"
#include "wire/link.hh"

namespace rove::rt {

inline constexpr uint32_t input_size = 0x4000; // of the slot's buffer, at its start
/// The rest has room for a record that has not come whole.
inline constexpr uint32_t taken_max = input_size - seal::record_max;
inline constexpr unsigned char bell =
    0xbe; // the urgent byte; a stray one between frames is skipped

enum class Got : uint32_t { frame, interrupted, closed };

/// To be called before anything else when a link is new: of a link that is sealed, says our salt.
/// `fd`, `epoch`: its number, and that it is of.
void begin_link(Slot& slot, int fd, uint32_t epoch);
/// Waits for a frame's header. Interrupted: `stop` was set or a signal came, and nothing was taken.
Got wait_header(Slot& slot, wire::LinkHeader& header);
/// Looks for a header without waiting: interrupted means that there is none.
Got poll_header(Slot& slot, wire::LinkHeader& header);
/// The header that was taken last, before anything of its body was, is the next one again.
void put_back(Slot& slot, wire::LinkHeader const& header);

/// n bytes of the body in the input buffer (n ≤ taken_max); null when the link has ended.
unsigned char* take(Slot& slot, uint32_t n);
/// n bytes of the body to `to`; false when the link has ended, -EFAULT never: `to` is our own or
/// was probed.
bool take_to(Slot& slot, void* to, uint64_t n);
/// Up to `most` bytes of the body, whatever is there, at least one; address in *at. 0: the link has
/// ended.
uint32_t take_some(Slot& slot, uint32_t most, unsigned char** at);

/// Sends all; consumes `vectors`. False when the link has ended.
bool send_all(Slot& slot, Vector* vectors, int count);
bool send_bytes(Slot& slot, void const* bytes, uint64_t n);
void ring_bell(Slot& slot);

inline wire::LinkHeader make_header(wire::LinkType type, uint32_t length, uint32_t sequence) {
    wire::LinkHeader header{};
    header.magic = wire::link_magic;
    header.version = wire::link_version;
    header.type = type;
    header.epoch = static_cast<uint16_t>(control().epoch);
    header.length = length;
    header.sequence = sequence;
    return header;
}

} // namespace rove::rt
