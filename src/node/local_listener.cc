// SPDX-License-Identifier: Apache-2.0
#include "node/local_listener.hh"

#include <memory>

#include <fcntl.h>

#include <boost/asio/posix/stream_descriptor.hpp>

#include "sys/files.hh"
#include "sys/sockets.hh"

namespace rove::node {
namespace {

using Called = std::function<void(Fd, ucred const&)>;

Task<> accept_all(asio::io_context& io, Fd listener, Called called) {
    asio::posix::stream_descriptor ready(io, ::fcntl(listener.number(), F_DUPFD_CLOEXEC, 3));
    for (;;) {
        auto [error] =
            co_await ready.async_wait(asio::posix::stream_descriptor::wait_read, no_throw);
        if (error) co_return;
        auto socket = sys::accept(listener.number(), SOCK_NONBLOCK);
        if (!socket) {
            co_await pause(io, std::chrono::milliseconds(20));
            continue;
        }
        auto credentials = sys::peer_credentials(socket->number());
        if (credentials && credentials->pid > 0) called(std::move(*socket), *credentials);
    }
}

} // namespace

Status listen_locally(asio::io_context& io, std::string const& path, mode_t mode, Called called) {
    Fd listener = TRY(sys::unix_listen(path, mode, SOCK_SEQPACKET));
    TRY(sys::set_nonblocking(listener.number(), true));
    start(io, accept_all(io, std::move(listener), std::move(called)));
    return {};
}

} // namespace rove::node
