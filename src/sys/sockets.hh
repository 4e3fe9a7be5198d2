// SPDX-License-Identifier: Apache-2.0
// Sockets: TCP and UNIX sockets, whole messages, and descriptors sent over them.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <netinet/in.h>
#include <sys/socket.h>

#include "base/bytes.hh"
#include "base/clock.hh"
#include "base/fd.hh"
#include "base/result.hh"

namespace rove::sys {

// An address and port, IPv4 or IPv6.
struct Endpoint {
    sockaddr_storage storage{};
    socklen_t length = 0;

    std::string address() const; // "10.0.0.1", "fe80::1"; empty if it is neither IPv4 nor IPv6
    uint16_t port() const;
    std::string text() const; // "10.0.0.1:700", "[fe80::1]:700"
    // A numeric address; names are not looked up.
    static Result<Endpoint> parse(std::string const& address, uint16_t port);
};

Result<std::pair<Fd, Fd>> socket_pair(int type = SOCK_STREAM, int flags = 0);

// Port 0 lets the kernel choose; see local_endpoint(). SO_REUSEADDR is set.
Result<Fd> tcp_listen(Endpoint const& at, int backlog = 128);
// Connects within the time, then the socket is blocking with TCP_NODELAY set.
Result<Fd> tcp_connect(Endpoint const& to, Nanos timeout);
Result<Endpoint> local_endpoint(int fd);
Result<Endpoint> remote_endpoint(int fd);
// One connection; EAGAIN is an error like any other.
Result<Fd> accept(int listener, int flags = 0);

// A path that exists as a socket is replaced. Type is SOCK_STREAM or SOCK_SEQPACKET.
Result<Fd> unix_listen(std::string const& path, mode_t mode, int type = SOCK_STREAM);
Result<Fd> unix_connect(std::string const& path, int type = SOCK_STREAM);
// Whether a packet may follow on a SOCK_SEQPACKET socket on which receiving has failed with this
// errno. A peer that was closed with something unread is told first, and then what it had said.
bool may_follow(int error);
Result<ucred> peer_credentials(int fd);
// Of the process that connected, or that made the pair. ENOPROTOOPT before Linux 6.5; an error,
// too, if it has ended and the kernel has forgotten it.
Result<Fd> peer_pidfd(int fd);

Status set_nodelay(int fd, bool on);
// For a TCP socket before it connects or listens, whose connections inherit it. BBR sends by a
// timer, at the rate that it has measured: a question and its answer, which is most of what we
// send, then wait for the timer, and a large message that follows small ones was seen to wait for
// 30 to 180 ms. tcp_listen() and tcp_connect() do it.
void avoid_pacing(int fd);
Status set_option(int fd, int level, int name, int value);
// A dead peer is noticed after about this time: keepalive probes, and the limit on unacknowledged
// data.
Status set_dead_peer_timeout(int fd, Nanos timeout);
// More room for received data than a link's window may use; see settle_window in rt/link_io.cc.
Status give_room(int fd);
// Sending and receiving fail with EAGAIN after this time; zero: never.
Status set_io_timeout(int fd, Nanos timeout);

// Never raises SIGPIPE.
Status send_all(int fd, ByteView bytes);
// Fails with EPIPE if the peer closes before all has come, ETIMEDOUT after the deadline.
Status recv_exact(int fd, void* to, size_t count, Deadline deadline = Deadline::never());

constexpr size_t fds_per_message_max = 250; // the kernel's limit is 253
Status send_fds(int fd, ByteView bytes, std::vector<int> const& fds);
struct Received {
    std::vector<uint8_t> bytes; // empty: the peer has closed
    std::vector<Fd> fds;
};
// One message (or what a stream has ready) of at most max bytes with its descriptors.
Result<Received> recv_fds(int fd, size_t max, int flags = 0);

} // namespace rove::sys
