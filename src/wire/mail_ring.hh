// SPDX-License-Identifier: Apache-2.0
// Mail ring: a carrier between two mailboxes whose processes are guests of the same host: memory
// that both map, with a ring of bytes for each direction. Who sleeps says for what, and whether he
// is to be woken by the word that says so, a futex, or by a bell, a socket pair: for who waits for
// other things as well.
// How a side uses it is in mail_ring_end.hh. Its own numbers lie here as well, so that its host's
// daemon goes on at the same byte when the process has moved. Freestanding. A change of anything
// here needs a new region_version.
#pragma once

#include <stdint.h>

namespace rove::wire {

/// So much that each of two on one CPU works for long before it is the other's turn.
inline constexpr uint64_t mail_ring_bytes = 512 << 10;

/// In `asleep`: what is to wake the side, and how. 0: it is awake.
inline constexpr uint32_t sleep_for_bytes = 1, sleep_for_room = 2, sleep_on_word = 4;

/// Of one side. Lines of the cache that are written by different sides are apart.
struct MailRingSide {
    alignas(64) uint64_t written; // bytes that it has put into its ring
    uint32_t ended;               // nothing more comes
    alignas(64) uint64_t taken;   // bytes that it has taken out of the other's ring
    alignas(64) uint32_t asleep;  // futex word
};

struct MailRing {
    alignas(64) uint32_t broken;
    MailRingSide side[2];
    alignas(4096) unsigned char bytes[2][mail_ring_bytes];
};
static_assert(sizeof(MailRing) == 4096 + 2 * mail_ring_bytes);

} // namespace rove::wire
