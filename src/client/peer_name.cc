// SPDX-License-Identifier: Apache-2.0
// Peer name: a daemon says who it is to everybody who knows the key, before it asks who that is.
#include "client/peer_name.hh"

#include <poll.h>
#include <sys/socket.h>

#include "base/text.hh"
#include "net/key.hh"
#include "net/tls.hh"
#include "sys/sockets.hh"
#include "wire/peer.hh"

namespace rove::client {

Result<std::string> peer_name(std::string const& address, std::string const& key) {
    constexpr Nanos patience = std::chrono::seconds(3);
    size_t colon = address.rfind(':');
    std::string host = address.substr(0, colon);
    if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
    auto endpoint = TRY(sys::Endpoint::parse(
        host, TRY(parse_number<uint16_t>(std::string_view(address).substr(colon + 1)))));
    Fd socket = TRY(sys::tcp_connect(endpoint, patience));
    auto tls =
        TRY(net::Tls::create(TRY(net::derive(net::ClusterKey{key}, "peer")), net::Role::client));
    Deadline deadline = Deadline::after(patience);
    std::string inbox;
    for (;;) {
        TRY(sys::send_all(socket.number(), as_bytes(tls.take_output())));
        wire::PeerRead read = wire::read_peer_frame(inbox);
        if (read.frame && read.frame->type == wire::PeerType::hello)
            if (auto hello = wire::decode<wire::PeerHello>(read.body)) return hello->name;
        if (read.bad || read.frame) return deny(EPROTO, "{} is no node of Rove", address);
        pollfd readable{socket.number(), POLLIN, 0};
        if (::poll(&readable, 1, deadline.poll_ms()) <= 0)
            return deny(ETIMEDOUT, "{} does not answer", address);
        char bytes[4096];
        ssize_t got = ::recv(socket.number(), bytes, sizeof bytes, 0);
        if (got <= 0) return deny(ECONNRESET, "{} has closed the connection", address);
        TRY(tls.feed({bytes, static_cast<size_t>(got)}));
        if (tls.established()) inbox += TRY(tls.read());
    }
}

} // namespace rove::client
