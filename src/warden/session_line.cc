// SPDX-License-Identifier: Apache-2.0
// Session line: see session_line.hh.
#include "warden/session_line.hh"

#include <sys/socket.h>

#include <cstring>
#include <vector>

#include "sys/sockets.hh"

namespace rove::warden {

using wire::SessionFrame;
using wire::SessionType;

namespace {
constexpr Nanos silence_max = std::chrono::milliseconds(wire::session_dead_ms);
}

SessionLine::SessionLine(Fd socket, std::string const& token)
    : socket_(std::move(socket)),
      seal_(seal::Use::control, seal::Side::host, token),
      heard_(monotonic_now()) {
    timeval limit{std::chrono::duration_cast<std::chrono::seconds>(silence_max).count(), 0};
    (void)setsockopt(socket_.number(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    (void)sys::set_dead_peer_timeout(socket_.number(), silence_max);
    (void)seal_.begin(socket_.number()); // one that has ended is noticed when it is read
}

Status SessionLine::send(SessionType type, std::string const& body) {
    if (!socket_) return fail(EPIPE, "there is no control connection");
    if (body.size() > wire::session_frame_max)
        return fail(EMSGSIZE, "a message of {} bytes", body.size());
    // These are for who listens; nobody else waits for one that has not said his salt yet.
    bool sign_of_life = type == SessionType::ping || type == SessionType::tally;
    if (sign_of_life && !seal_.met()) return {};
    SessionFrame frame;
    frame.length = static_cast<uint32_t>(body.size());
    frame.type = type;
    std::string bytes(reinterpret_cast<char const*>(&frame), sizeof frame);
    bytes += body;
    return seal_.send(socket_.number(), as_bytes(bytes), silence_max);
}

Status SessionLine::serve(Take const& take) {
    static thread_local std::vector<char> buffer(256 * 1024);
    ssize_t got = recv(socket_.number(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return {};
    if (got < 0) return fail(errno, "cannot read from the steward");
    if (got == 0) return fail(EPIPE, "the steward has closed the control connection");
    heard_ = monotonic_now();
    TRY(seal_.open({buffer.data(), static_cast<size_t>(got)}, input_));
    size_t at = 0;
    while (input_.size() - at >= sizeof(SessionFrame)) {
        SessionFrame frame;
        std::memcpy(&frame, input_.data() + at, sizeof frame);
        if (frame.version != wire::session_version)
            return fail(EBADMSG, "a message of version {}", frame.version);
        if (frame.length > wire::session_frame_max)
            return fail(EBADMSG, "a message of {} bytes", frame.length);
        if (input_.size() - at < sizeof frame + frame.length) break;
        std::string body = input_.substr(at + sizeof frame, frame.length);
        at += sizeof frame + frame.length;
        take(frame.type, body);
    }
    input_.erase(0, at);
    return {};
}

} // namespace rove::warden
