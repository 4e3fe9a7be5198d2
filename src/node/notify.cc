// SPDX-License-Identifier: Apache-2.0
// Notify: one datagram to $NOTIFY_SOCKET.
#include "node/notify.hh"

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>

#include <sys/socket.h>
#include <sys/un.h>

#include "base/fd.hh"

namespace rove::node {

void notify_service(std::string_view state) {
    char const* path = std::getenv("NOTIFY_SOCKET");
    sockaddr_un address{};
    if (!path || (path[0] != '/' && path[0] != '@') || std::strlen(path) >= sizeof address.sun_path)
        return;
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path, std::strlen(path));
    if (path[0] == '@') address.sun_path[0] = '\0';
    Fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + std::strlen(path));
    (void)::sendto(fd.number(), state.data(), state.size(), MSG_NOSIGNAL,
        reinterpret_cast<sockaddr*>(&address), length);
}

} // namespace rove::node
