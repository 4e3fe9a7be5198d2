// SPDX-License-Identifier: Apache-2.0
// Carrier: what bytes of a line go through: a descriptor, whose calls are home's, or, while the
// process is away, an end of its own at the host, which goes by a ticket (wire/mail_call.hh).
//
// Where the process has moved, that end is astray: it lies where the process was, and goes on as it
// is once home has made a way to it. Until then nothing can be sent or received.
#pragma once

#include <span>
#include <vector>

#include <sys/types.h>

#include "base/clock.hh"
#include "base/fd.hh"
#include "mailbox/conversation.hh"
#include "wire/mail_call.hh"

namespace rove::post {

class Carrier {
public:
    Carrier() = default;
    explicit Carrier(Fd socket) : socket_(std::move(socket)) {}
    /// Empty if there is no such end where the process is now.
    static Carrier take(uint64_t ticket);
    Carrier(Carrier&& other) noexcept { *this = std::move(other); }
    Carrier& operator=(Carrier&& other) noexcept;
    ~Carrier() { close(); }

    explicit operator bool() const { return socket_ || ticket_ != 0; }
    uint64_t ticket() const { return ticket_; } // 0: a descriptor
    // Memory that the other side has as well: an acknowledgement costs less than a copy.
    bool is_memory() const { return is_memory_; }
    int number() const { return socket_.number(); }
    // Both do not block, and fail with an errno value; EAGAIN while it is astray.
    ssize_t send(std::span<mailbox::Piece const> pieces);
    ssize_t receive(char* to, size_t most);
    // Nothing more will be sent on it. False: it is not what it was, or astray.
    bool end();
    void close();
    // Astray by its own wish.
    void leave();
    bool astray() const { return astray_; }
    // The way to where it lies.
    void follow(Fd socket);
    // In a child of the process: the end is its parent's.
    void forget();

private:
    long ask(wire::MailOp op, uint64_t at = 0, uint64_t length = 0);

    Fd socket_;
    uint64_t ticket_ = 0;
    bool is_memory_ = false;
    bool astray_ = false;
};

/// Until one of them is ready, or earlier. Negative: an errno value.
long wait_for(std::vector<wire::MailWait>& ends, Nanos timeout);

/// For tests: a host that the test plays, in place of the system call; null: the system call.
using MailHost = long (*)(wire::MailOp op, uint64_t first, uint64_t second, uint64_t third);
void set_mail_host(MailHost host);

} // namespace rove::post
