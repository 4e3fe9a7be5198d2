// SPDX-License-Identifier: Apache-2.0
// HomeLink: a process's connection to its home's daemon, which knows who has which mailbox.
//
// When the process is away its calls are performed at home, so this is always home's daemon.
#pragma once

#include <optional>
#include <string>

#include "base/fd.hh"
#include "base/result.hh"
#include "mailbox/address.hh"
#include "wire/mail.hh"

namespace rove::post {

/// ROVE_MAIL_SOCKET, or /run/rove/mail.sock.
std::string mail_socket();

wire::MailAddress to_wire(mailbox::Address const& address);
mailbox::Address from_wire(wire::MailAddress const& address);

class HomeLink {
public:
    /// Connects, and opens a new mailbox (incarnation 0) or says that this one lives on. ESTALE:
    /// the daemon knows nothing of it.
    static Result<HomeLink> open(uint64_t incarnation, mailbox::Address* own);

    int number() const { return socket_.number(); }
    template <class T> Status send(wire::MailType type, T const& body) {
        return send_packet(wire::mail_packet(type, body));
    }
    struct Received {
        wire::MailType type = wire::MailType::none;
        std::string body;
        Fd descriptor;
    };
    /// None if nothing has come; an error if the daemon is gone or makes no sense.
    Result<std::optional<Received>> receive();

private:
    explicit HomeLink(Fd socket) : socket_(std::move(socket)) {}
    Status send_packet(std::string const& packet);
    Fd socket_;
};

} // namespace rove::post
