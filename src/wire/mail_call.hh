// SPDX-License-Identifier: Apache-2.0
// Mail call: what the mailbox of a program that is away asks of the runtime, by a system call that
// no kernel has: at home it ends with ENOSYS, and so nobody takes a descriptor of home's for one of
// the guest's.
//
// A guest has ends of lines of its own, each under a ticket: a random number that home's daemon has
// told the mailbox. They stay behind when the process moves; no ticket is good at two places.
#pragma once

#include <stdint.h>

namespace rove::wire {

inline constexpr uint32_t mail_call = 0x00726f76;
inline constexpr uint32_t mail_ends_max = 256;

/// First argument. A ticket that is not known here: EBADF. APPEND ONLY; numbers are the protocol.
enum class MailOp : uint32_t {
    take = 1,      // ticket: the end that has come under it is to be used; ENOENT: none has
    leave = 2,     // ticket: it is used no more, and stays as it is for whoever follows it
    send = 3,      // ticket, address, length; as much as goes at once, EAGAIN
    receive = 4,   // ticket, address, length; as much as is there, EAGAIN
    wait = 5,      // MailWait[], how many, nanoseconds or -1: how many are ready; 0 also early
    end = 6,       // ticket: nothing more will be sent on it
    send_more = 7, // as send, and more follows at once
    is_memory = 8, // ticket: 1 if the other side has the same memory, 0: a socket
};

struct MailWait {
    uint64_t ticket;
    uint32_t events; // POLLIN, POLLOUT
    uint32_t ready;  // POLLNVAL: no such ticket
};
static_assert(sizeof(MailWait) == 16);

} // namespace rove::wire
