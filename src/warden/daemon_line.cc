// SPDX-License-Identifier: Apache-2.0
// Daemon line: see daemon_line.hh.
#include "warden/daemon_line.hh"

#include <sys/socket.h>

#include "base/log.hh"
#include "sys/sockets.hh"

namespace rove::warden {

DaemonLine::DaemonLine(sys::Loop& loop, std::string path, std::function<std::string()> hello,
    std::function<void()> ended)
    : loop_(loop), path_(std::move(path)), hello_(std::move(hello)), ended_(std::move(ended)) {}

DaemonLine::~DaemonLine() {
    if (socket_) loop_.unwatch(socket_.number());
}

void DaemonLine::connect() {
    // A daemon that does not accept keeps nobody waiting.
    auto connected = sys::unix_connect(path_, SOCK_SEQPACKET | SOCK_NONBLOCK);
    if (!connected) {
        (void)loop_.after(std::chrono::milliseconds(200), [this] { connect(); });
        return;
    }
    socket_ = std::move(*connected);
    loop_.watch(socket_.number(), POLLIN, [this](short) { serve(); });
    send(hello_());
}

void DaemonLine::lost() {
    loop_.unwatch(socket_.number());
    socket_.close();
    (void)loop_.after(std::chrono::milliseconds(200), [this] { connect(); });
}

void DaemonLine::send(std::string const& packet) {
    if (!socket_) return;
    // A daemon that does not read loses news, not its wardens.
    if (::send(socket_.number(), packet.data(), packet.size(), MSG_NOSIGNAL | MSG_DONTWAIT) < 0 &&
        errno != EAGAIN)
        lost();
}

void DaemonLine::serve() {
    static char bytes[wire::keeper_packet_max];
    ssize_t got = recv(socket_.number(), bytes, sizeof bytes, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) return lost();
    auto packet = wire::open_keeper_packet(std::string_view(bytes, static_cast<size_t>(got)));
    if (!packet) return;
    if (packet->type == wire::KeeperType::end_guest) return ended_();
    if (packet->type != wire::KeeperType::again) return;
    if (auto again = wire::decode<wire::Again>(packet->body)) come_again(*again);
}

} // namespace rove::warden
