// SPDX-License-Identifier: Apache-2.0
// Mail ends: a guest's end of a line between mailboxes lies with this host's daemon, which has made
// the connection, until the guest asks for it.
#include <cerrno>

#include "base/bytes.hh"
#include "sys/sockets.hh"
#include "warden/household.hh"
#include "warden/warden.hh"
#include "wire/mail_direct.hh"

namespace rove::warden {

namespace {
// A guest's thread stands still meanwhile, and a freeze would have to wait for it.
constexpr Nanos patience = std::chrono::milliseconds(200);
} // namespace

void Warden::fetch_line() {
    auto connected =
        sys::unix_connect(order_.run_dir + "/mail.sock", SOCK_SEQPACKET | SOCK_NONBLOCK);
    if (!connected) return answer_guest(-ENOENT, {});
    auto socket = std::make_shared<Fd>(std::move(*connected));
    wire::MailFetch wanted{
        order_.identity.home, order_.identity.pid, static_cast<uint64_t>(asked_->value)};
    std::string packet = wire::mail_packet(wire::MailType::fetch, wanted);
    if (!sys::send_fds(socket->number(), as_bytes(packet), {})) return answer_guest(-ENOENT, {});
    loop_.watch(socket->number(), POLLIN, [this, socket](short) { line_fetched(socket); });
    (void)loop_.after(patience, [this, socket] {
        if (*socket) line_fetched(socket);
    });
}

// Called once the answer is there, or the time is over.
void Warden::line_fetched(std::shared_ptr<Fd> const& socket) {
    std::shared_ptr<Fd> const kept = socket; // the watch holds it, and ends here
    auto answer = sys::recv_fds(kept->number(), wire::mail_packet_max, MSG_DONTWAIT);
    loop_.unwatch(kept->number());
    kept->close();
    if (!asked_ || asked_->type != wire::ServiceType::take_line) return;
    auto packet = answer ? wire::open_mail_packet(as_text(answer->bytes)) : std::nullopt;
    auto fetched = packet ? wire::decode<wire::MailFetched>(packet->body) : std::nullopt;
    bool whole = fetched && answer->fds.size() == (fetched->ring == 0 ? 1 : 2);
    if (!whole) return answer_guest(-ENOENT, {});
    std::vector<int> fds;
    for (auto const& fd : answer->fds)
        fds.push_back(fd.number());
    answer_guest(fetched->ring, fds);
}

} // namespace rove::warden
