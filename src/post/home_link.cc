// SPDX-License-Identifier: Apache-2.0
// HomeLink: the socket.
#include "post/home_link.hh"

#include <cerrno>
#include <cstdlib>

#include <poll.h>
#include <sys/socket.h>

#include "base/clock.hh"
#include "sys/sockets.hh"

namespace rove::post {

using wire::MailType;

std::string mail_socket() {
    char const* path = std::getenv("ROVE_MAIL_SOCKET");
    return path && *path ? path : "/run/rove/mail.sock";
}

wire::MailAddress to_wire(mailbox::Address const& address) {
    return {address.home, address.process, address.incarnation};
}

mailbox::Address from_wire(wire::MailAddress const& address) {
    return {address.home, address.process, address.incarnation};
}

Status HomeLink::send_packet(std::string const& packet) {
    // The daemon reads at once; if it does not, it is in trouble, and so is whoever waits for it.
    if (::send(socket_.number(), packet.data(), packet.size(), MSG_NOSIGNAL) < 0)
        return fail(errno, "cannot send to the daemon");
    return {};
}

Result<std::optional<HomeLink::Received>> HomeLink::receive() {
    auto got = sys::recv_fds(socket_.number(), wire::mail_packet_max, MSG_DONTWAIT);
    if (!got && (got.error().code == EAGAIN || got.error().code == EWOULDBLOCK))
        return std::nullopt;
    if (!got) return Failure(got.error());
    if (got->bytes.empty()) return fail(EPIPE, "the daemon has closed the connection");
    auto packet = wire::open_mail_packet(as_text(got->bytes));
    if (!packet || got->fds.size() > 1) return deny(EBADMSG, "the daemon makes no sense");
    Received received;
    received.type = packet->type;
    received.body = packet->body;
    if (!got->fds.empty()) received.descriptor = std::move(got->fds.front());
    return received;
}

Result<HomeLink> HomeLink::open(uint64_t incarnation, mailbox::Address* own) {
    HomeLink link(TRY(sys::unix_connect(mail_socket(), SOCK_SEQPACKET)));
    TRY(link.send(MailType::open, wire::MailOpen{incarnation}));
    Deadline deadline = Deadline::after(std::chrono::seconds(5));
    for (;;) {
        if (auto received = TRY(link.receive())) {
            if (received->type == MailType::denied) {
                auto denied = wire::decode<wire::MailDenied>(received->body);
                return deny(denied && denied->code > 0 ? denied->code : EPROTO,
                    "the daemon opens no mailbox");
            }
            auto opened = wire::decode<wire::MailOpened>(received->body);
            if (received->type != MailType::opened || !opened)
                return deny(EPROTO, "the daemon makes no sense");
            *own = from_wire(opened->own);
            return link;
        }
        if (deadline.passed()) return deny(ETIMEDOUT, "the daemon does not answer");
        pollfd ready{link.number(), POLLIN, 0};
        (void)::poll(&ready, 1, 100);
    }
}

} // namespace rove::post
