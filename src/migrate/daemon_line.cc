// SPDX-License-Identifier: Apache-2.0
// Daemon line: connecting again and again.
#include "migrate/daemon_line.hh"

#include <sys/socket.h>

#include "base/log.hh"
#include "sys/sockets.hh"

namespace rove::migrate {

void DaemonLine::keep_up(std::function<wire::StewardHello()> const& hello) {
    constexpr Nanos pause = std::chrono::milliseconds(300);
    if (fd_ || monotonic_now() - tried_ < pause) return;
    tried_ = monotonic_now();
    auto fd = sys::unix_connect(path_, SOCK_SEQPACKET);
    if (!fd) return;
    fd_ = std::move(*fd);
    send(wire::KeeperType::steward_hello, hello());
}

void DaemonLine::send_packet(std::string const& packet) {
    if (!fd_) return;
    ssize_t put = ::send(fd_.number(), packet.data(), packet.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (put < 0 && errno != EAGAIN) fd_.close();
}

std::optional<wire::KeeperPacket> DaemonLine::receive() {
    if (!fd_) return std::nullopt;
    input_.resize(wire::keeper_packet_max);
    ssize_t got = ::recv(fd_.number(), input_.data(), input_.size(), MSG_DONTWAIT);
    if (got > 0)
        return wire::open_keeper_packet(std::string_view(input_.data(), static_cast<size_t>(got)));
    if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
        LOG(note, "the daemon has gone");
        fd_.close();
    }
    return std::nullopt;
}

} // namespace rove::migrate
