// SPDX-License-Identifier: Apache-2.0
// Sockets: the wrappers.
#include "sys/sockets.hh"

#include <algorithm>
#include <cstring>

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "sys/files.hh"

namespace rove::sys {

std::string Endpoint::address() const {
    char text[INET6_ADDRSTRLEN] = "";
    if (storage.ss_family == AF_INET) {
        sockaddr_in v4{};
        std::memcpy(&v4, &storage, sizeof v4);
        (void)::inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
    } else if (storage.ss_family == AF_INET6) {
        sockaddr_in6 v6{};
        std::memcpy(&v6, &storage, sizeof v6);
        (void)::inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
    }
    return text;
}

uint16_t Endpoint::port() const {
    sockaddr_in v4{}; // the port lies at the same place in both families
    static_assert(offsetof(sockaddr_in, sin_port) == offsetof(sockaddr_in6, sin6_port));
    std::memcpy(&v4, &storage, sizeof v4);
    bool has_port = storage.ss_family == AF_INET || storage.ss_family == AF_INET6;
    return has_port ? ntohs(v4.sin_port) : 0;
}

std::string Endpoint::text() const {
    if (storage.ss_family == AF_INET6) return fmt::format("[{}]:{}", address(), port());
    return fmt::format("{}:{}", address(), port());
}

Result<Endpoint> Endpoint::parse(std::string const& address, uint16_t port) {
    Endpoint result;
    sockaddr_in v4{};
    sockaddr_in6 v6{};
    if (::inet_pton(AF_INET, address.c_str(), &v4.sin_addr) == 1) {
        v4.sin_family = AF_INET;
        v4.sin_port = htons(port);
        std::memcpy(&result.storage, &v4, sizeof v4);
        result.length = sizeof v4;
    } else if (::inet_pton(AF_INET6, address.c_str(), &v6.sin6_addr) == 1) {
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(port);
        std::memcpy(&result.storage, &v6, sizeof v6);
        result.length = sizeof v6;
    } else {
        return fail(EINVAL, "'{}' is not an IP address", address.substr(0, 64));
    }
    return result;
}

Result<std::pair<Fd, Fd>> socket_pair(int type, int flags) {
    int ends[2];
    if (::socketpair(AF_UNIX, type | flags | SOCK_CLOEXEC, 0, ends) != 0)
        return fail(errno, "cannot make a socket pair");
    return std::make_pair(Fd(ends[0]), Fd(ends[1]));
}

// Unpaced ones stay what the administrator has chosen.
void avoid_pacing(int fd) {
    char name[16] = "";
    socklen_t length = sizeof name - 1;
    if (::getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &length) != 0 ||
        std::strncmp(name, "bbr", 3) != 0)
        return;
    for (char const* other : {"cubic", "reno"})
        if (::setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, other,
                static_cast<socklen_t>(std::strlen(other))) == 0)
            return;
}

Result<Fd> tcp_listen(Endpoint const& at, int backlog) {
    Fd fd(::socket(at.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd) return fail(errno, "cannot make a TCP socket");
    TRY(set_option(fd.number(), SOL_SOCKET, SO_REUSEADDR, 1));
    avoid_pacing(fd.number()); // what it accepts inherits it
    if (::bind(fd.number(), reinterpret_cast<sockaddr const*>(&at.storage), at.length) != 0 ||
        ::listen(fd.number(), backlog) != 0)
        return fail(errno, "cannot listen on {}", at.text());
    return fd;
}

Result<Fd> tcp_connect(Endpoint const& to, Nanos timeout) {
    Fd fd(::socket(to.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) return fail(errno, "cannot make a TCP socket");
    avoid_pacing(fd.number());
    auto deadline = Deadline::after(timeout);
    if (::connect(fd.number(), reinterpret_cast<sockaddr const*>(&to.storage), to.length) != 0) {
        if (errno != EINPROGRESS) return fail(errno, "cannot connect to {}", to.text());
        pollfd ready{fd.number(), POLLOUT, 0};
        int count = 0;
        do {
            count = ::poll(&ready, 1, deadline.poll_ms());
        } while (count < 0 && errno == EINTR);
        if (count == 0) return fail(ETIMEDOUT, "cannot connect to {}", to.text());
        if (count < 0) return fail(errno, "cannot wait for {}", to.text());
        int error = 0;
        socklen_t length = sizeof error;
        (void)::getsockopt(fd.number(), SOL_SOCKET, SO_ERROR, &error, &length);
        if (error != 0) return fail(error, "cannot connect to {}", to.text());
    }
    TRY(set_nonblocking(fd.number(), false));
    TRY(set_nodelay(fd.number(), true));
    return fd;
}

Result<Endpoint> local_endpoint(int fd) {
    Endpoint result;
    result.length = sizeof result.storage;
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&result.storage), &result.length) != 0)
        return fail(errno, "cannot get a socket's own address");
    return result;
}

Result<Endpoint> remote_endpoint(int fd) {
    Endpoint result;
    result.length = sizeof result.storage;
    if (::getpeername(fd, reinterpret_cast<sockaddr*>(&result.storage), &result.length) != 0)
        return fail(errno, "cannot get a socket's peer address");
    return result;
}

Result<Fd> accept(int listener, int flags) {
    int fd = -1;
    do {
        fd = ::accept4(listener, nullptr, nullptr, flags | SOCK_CLOEXEC);
    } while (fd < 0 && (errno == EINTR || errno == ECONNABORTED));
    if (fd < 0) return fail(errno, "cannot accept a connection");
    return Fd(fd);
}

namespace {
Result<sockaddr_un> unix_address(std::string const& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) return fail(ENAMETOOLONG, "socket path {}", path);
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    return address;
}
} // namespace

Result<Fd> unix_listen(std::string const& path, mode_t mode, int type) {
    sockaddr_un address = TRY(unix_address(path));
    Fd fd(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
    if (!fd) return fail(errno, "cannot make a UNIX socket");
    struct stat found {};
    if (::lstat(path.c_str(), &found) == 0 && S_ISSOCK(found.st_mode)) (void)::unlink(path.c_str());
    // Nobody may connect between bind and chmod: listen comes last.
    if (::bind(fd.number(), reinterpret_cast<sockaddr const*>(&address), sizeof address) != 0 ||
        ::chmod(path.c_str(), mode) != 0 || ::listen(fd.number(), 128) != 0)
        return fail(errno, "cannot listen on {}", path);
    return fd;
}

Result<Fd> unix_connect(std::string const& path, int type) {
    sockaddr_un address = TRY(unix_address(path));
    Fd fd(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
    if (!fd) return fail(errno, "cannot make a UNIX socket");
    if (::connect(fd.number(), reinterpret_cast<sockaddr const*>(&address), sizeof address) != 0)
        return fail(errno, "cannot connect to {}", path);
    return fd;
}

bool may_follow(int error) {
    return error == EAGAIN || error == EINTR || error == ECONNRESET;
}

Result<ucred> peer_credentials(int fd) {
    ucred result{};
    socklen_t length = sizeof result;
    if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &result, &length) != 0)
        return fail(errno, "cannot get a peer's credentials");
    return result;
}

Result<Fd> peer_pidfd(int fd) {
    constexpr int so_peerpidfd = 77; // newer than our headers
    int pidfd = -1;
    socklen_t length = sizeof pidfd;
    if (::getsockopt(fd, SOL_SOCKET, so_peerpidfd, &pidfd, &length) != 0)
        return fail(errno, "cannot get a peer's process");
    return Fd(pidfd);
}

Status set_option(int fd, int level, int name, int value) {
    if (::setsockopt(fd, level, name, &value, sizeof value) != 0)
        return fail(errno, "cannot set socket option {}:{}", level, name);
    return {};
}

Status set_nodelay(int fd, bool on) {
    return set_option(fd, IPPROTO_TCP, TCP_NODELAY, on ? 1 : 0);
}

Status set_dead_peer_timeout(int fd, Nanos timeout) {
    auto ms = static_cast<int>(std::clamp<int64_t>(timeout.count() / 1000000, 1, 24 * 3600 * 1000));
    int seconds = std::max(1, ms / 1000);
    TRY(set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1));
    TRY(set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, std::max(1, seconds / 3)));
    TRY(set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, std::max(1, seconds / 3)));
    TRY(set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, 2));
    return set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, ms);
}

Status give_room(int fd) {
    constexpr int room = 1 << 20;
    if (set_option(fd, SOL_SOCKET, SO_RCVBUFFORCE, room)) return {};
    return set_option(fd, SOL_SOCKET, SO_RCVBUF, room);
}

Status set_io_timeout(int fd, Nanos timeout) {
    timeval value{};
    value.tv_sec = timeout.count() / 1000000000;
    value.tv_usec = timeout.count() % 1000000000 / 1000;
    if (::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &value, sizeof value) != 0 ||
        ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &value, sizeof value) != 0)
        return fail(errno, "cannot set a socket's timeouts");
    return {};
}

Status send_all(int fd, ByteView bytes) {
    while (!bytes.empty()) {
        ssize_t count = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return fail(errno, "cannot send");
        bytes = bytes.subspan(static_cast<size_t>(count));
    }
    return {};
}

Status recv_exact(int fd, void* to, size_t count, Deadline deadline) {
    auto* at = static_cast<char*>(to);
    while (count > 0) {
        pollfd ready{fd, POLLIN, 0};
        int ms = deadline.poll_ms();
        if (ms >= 0) {
            int found = ::poll(&ready, 1, ms);
            if (found < 0 && errno != EINTR) return fail(errno, "cannot wait for a socket");
            if (found == 0) return fail(ETIMEDOUT, "{} bytes are missing", count);
            if (found < 0) continue;
        }
        ssize_t got = ::recv(fd, at, count, 0);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail(errno, "cannot receive");
        if (got == 0) return fail(EPIPE, "closed with {} bytes missing", count);
        at += got;
        count -= static_cast<size_t>(got);
    }
    return {};
}

Status send_fds(int fd, ByteView bytes, std::vector<int> const& fds) {
    if (bytes.empty() || fds.size() > fds_per_message_max)
        return fail(EINVAL, "{} bytes with {} descriptors", bytes.size(), fds.size());
    alignas(cmsghdr) char control[CMSG_SPACE(fds_per_message_max * sizeof(int))] = {};
    iovec part{const_cast<uint8_t*>(bytes.data()), bytes.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (!fds.empty()) {
        message.msg_control = control;
        message.msg_controllen = CMSG_SPACE(fds.size() * sizeof(int));
        cmsghdr* header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
        std::memcpy(CMSG_DATA(header), fds.data(), fds.size() * sizeof(int));
    }
    ssize_t sent = -1;
    do {
        sent = ::sendmsg(fd, &message, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0) return fail(errno, "cannot send descriptors");
    return send_all(fd, bytes.subspan(static_cast<size_t>(sent)));
}

Result<Received> recv_fds(int fd, size_t max, int flags) {
    Received result;
    result.bytes.resize(max);
    alignas(cmsghdr) char control[CMSG_SPACE(fds_per_message_max * sizeof(int))] = {};
    iovec part{result.bytes.data(), max};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    ssize_t got = -1;
    do {
        got = ::recvmsg(fd, &message, flags | MSG_CMSG_CLOEXEC);
    } while (got < 0 && errno == EINTR);
    if (got < 0) return fail(errno, "cannot receive descriptors");
    result.bytes.resize(static_cast<size_t>(got));
    for (cmsghdr* header = CMSG_FIRSTHDR(&message); header;
         header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
        size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t at = 0; at < count; ++at) {
            int number = -1;
            std::memcpy(&number, CMSG_DATA(header) + at * sizeof(int), sizeof number);
            result.fds.emplace_back(number);
        }
    }
    if (message.msg_flags & (MSG_CTRUNC | MSG_TRUNC))
        return fail(EMSGSIZE, "a message with too many bytes or descriptors");
    return result;
}

} // namespace rove::sys
