// SPDX-License-Identifier: Apache-2.0
// Session: framing, waiting, pinging.
#include "migrate/session.hh"

#include <algorithm>
#include <cstring>

#include <poll.h>

#include "sys/sockets.hh"

namespace rove::migrate {

using wire::SessionType;

namespace {

constexpr uint16_t not_yet = 5;
// That nobody has looked at; questions for late pages may have one page each.
constexpr size_t frames_max = 64 + wire::late_asked_max / 4096;

char const* refusal(uint16_t code) {
    switch (code) {
    case 2:
        return "the token is not its session's";
    case 3:
        return "it speaks another version";
    case 4:
        return "it serves another epoch";
    case not_yet:
        return "it expects no such connection";
    default:
        return "it refuses";
    }
}

} // namespace

Result<Fd> connect_to(
    wire::Landing const& landing, wire::Kind kind, uint32_t slot, uint32_t epoch, Nanos timeout) {
    Deadline deadline = Deadline::after(timeout);
    std::optional<Error> last;
    for (std::string const& address : landing.addresses) {
        auto endpoint = sys::Endpoint::parse(address, landing.port);
        auto fd = endpoint ? sys::tcp_connect(*endpoint, std::min(deadline.left(), silence_limit))
                           : Result<Fd>(Failure(endpoint.error()));
        if (!fd) {
            last = fd.error();
            continue;
        }
        wire::Hello hello;
        hello.kind = kind;
        hello.slot = slot;
        hello.epoch = epoch;
        if (!wire::is_token(landing.token))
            return deny(EBADMSG, "a token of {} bytes", landing.token.size());
        std::memcpy(hello.token, landing.token.data(), sizeof hello.token);
        TRY(sys::send_all(
            fd->number(), ByteView(reinterpret_cast<uint8_t const*>(&hello), sizeof hello)));
        wire::HelloReply reply;
        TRY(sys::recv_exact(fd->number(), &reply, sizeof reply, deadline));
        if (reply.magic != wire::session_magic)
            return deny(EPROTO, "{} is no warden", endpoint->text());
        if (reply.ok != 1)
            return deny(reply.ok == not_yet ? EAGAIN : EACCES, "the warden on {} turns us away: {}",
                landing.node, refusal(reply.ok));
        if (kind == wire::Kind::link) (void)sys::give_room(fd->number());
        return std::move(*fd);
    }
    if (last) return fail(*last, "cannot reach the warden on {}", landing.node);
    return deny(EINVAL, "{} has told no address of its warden", landing.node);
}

Result<Session> Session::connect(wire::Landing const& landing, uint32_t epoch, Nanos timeout) {
    Fd fd = TRY(connect_to(landing, wire::Kind::control, 0, epoch, timeout));
    // A send into a link that was cut would otherwise last as long as TCP hopes.
    TRY(sys::set_dead_peer_timeout(fd.number(), silence_limit));
    Session session(landing, std::move(fd), epoch);
    TRY(session.seal_.begin(session.fd()));
    TRY(session.seal_.meet(session.fd(), timeout));
    return session;
}

Status Session::send_frame(SessionType type, std::string const& body) {
    if (body.size() > wire::session_frame_max)
        return deny(EMSGSIZE, "a message of {} bytes", body.size());
    wire::SessionFrame head;
    head.length = static_cast<uint32_t>(body.size());
    head.type = type;
    std::string bytes(reinterpret_cast<char const*>(&head), sizeof head);
    bytes += body;
    pinged_ = monotonic_now();
    return seal_.send(fd_.number(), as_bytes(bytes), silence_limit);
}

Status Session::ping_if_due() {
    if (monotonic_now() - pinged_ < ping_period) return {};
    return send(SessionType::ping, wire::Ping{++pings_});
}

Status Session::cut_frames() {
    size_t at = 0;
    while (input_.size() - at >= sizeof(wire::SessionFrame)) {
        wire::SessionFrame head;
        std::memcpy(&head, input_.data() + at, sizeof head);
        if (head.version != wire::session_version)
            return deny(EPROTO, "{} speaks version {} of the session", landing_.node, head.version);
        if (head.length > wire::session_frame_max)
            return deny(EMSGSIZE, "a message of {} bytes from {}", head.length, landing_.node);
        if (input_.size() - at - sizeof head < head.length) break;
        std::string body = input_.substr(at + sizeof head, head.length);
        at += sizeof head + head.length;
        if (head.type == SessionType::ping) continue;
        if (head.type == SessionType::tally) {
            auto tally = wire::decode<wire::GuestTally>(body);
            if (!tally) return deny(EBADMSG, "a malformed tally from {}", landing_.node);
            tally_ = std::move(*tally);
            tally_wanted_ = false;
            continue;
        }
        if (frames_.size() > frames_max) return deny(EPROTO, "{} talks too much", landing_.node);
        frames_.push_back({head.type, std::move(body)});
    }
    input_.erase(0, at);
    return {};
}

Status Session::renew_tally(Nanos patience) {
    Deadline deadline = Deadline::after(patience);
    tally_wanted_ = true;
    TRY(send(wire::SessionType::tally_request));
    while (tally_wanted_ && !deadline.passed()) {
        pollfd one{fd_.number(), POLLIN, 0};
        (void)::poll(&one, 1, 10);
        TRY(receive());
    }
    return {};
}

Status Session::receive() {
    char part[65536];
    for (;;) {
        ssize_t got = ::recv(fd_.number(), part, sizeof part, MSG_DONTWAIT);
        if (got > 0) {
            heard_ = monotonic_now();
            TRY(seal_.open({part, static_cast<size_t>(got)}, input_));
            TRY(cut_frames());
            continue;
        }
        if (got == 0)
            return deny(ECONNRESET, "the warden on {} has closed the session", landing_.node);
        if (errno == EAGAIN) return {};
        if (errno == ETIMEDOUT) return deny(ETIMEDOUT, "{} is silent", landing_.node);
        if (errno != EINTR) return fail(errno, "the session with {} is broken", landing_.node);
    }
}

Status Session::sound() const {
    for (auto const& frame : frames_) {
        if (frame.type != SessionType::trouble) continue;
        auto trouble = wire::decode<wire::Trouble>(frame.body);
        return deny(EIO, "{}: {}", landing_.node, trouble ? trouble->text : "it has trouble");
    }
    if (silent_for() > patience_) return deny(ETIMEDOUT, "{} is silent", landing_.node);
    return {};
}

std::optional<Session::Frame> Session::take() {
    if (frames_.empty()) return std::nullopt;
    Frame frame = std::move(frames_.front());
    frames_.pop_front();
    return frame;
}

std::optional<Session::Frame> Session::take(std::initializer_list<SessionType> types) {
    auto frame = std::find_if(frames_.begin(), frames_.end(), [&](Frame const& each) {
        return std::find(types.begin(), types.end(), each.type) != types.end();
    });
    if (frame == frames_.end()) return std::nullopt;
    Frame found = std::move(*frame);
    frames_.erase(frame);
    return found;
}

void Session::forget(std::initializer_list<SessionType> types) {
    std::erase_if(frames_, [&](Frame const& frame) {
        return std::find(types.begin(), types.end(), frame.type) != types.end();
    });
}

Result<Session::Frame> Session::wait(std::initializer_list<SessionType> types, Nanos patience) {
    Deadline deadline = Deadline::after(patience);
    for (;;) {
        Status heard =
            receive(); // before it is called silent: perhaps it was we who did not listen
        for (auto frame = frames_.begin(); frame != frames_.end(); ++frame) {
            if (frame->type == SessionType::trouble) {
                auto trouble = wire::decode<wire::Trouble>(frame->body);
                if (!trouble) return deny(EBADMSG, "a malformed message from {}", landing_.node);
                trouble_ = std::move(*trouble);
                // That the guest has ended is for the steward's loop to see as well.
                if (!trouble_.guest_ended) frames_.erase(frame);
                // Whole as it is: a time that has run out there is none of ours.
                return deny(EIO, "{}: {}", landing_.node, trouble_.text);
            }
            if (std::find(types.begin(), types.end(), frame->type) == types.end()) continue;
            Frame found = std::move(*frame);
            frames_.erase(frame);
            return found;
        }
        TRY(heard);
        if (deadline.passed()) return deny(ETIMEDOUT, "{} does not answer", landing_.node);
        if (silent_for() > patience_) return deny(ETIMEDOUT, "{} is silent", landing_.node);
        pollfd wanted{fd_.number(), POLLIN, 0};
        (void)::poll(&wanted, 1, std::min(deadline.poll_ms(), meanwhile_ ? 5 : 100));
        if (meanwhile_) TRY(meanwhile_());
        TRY(ping_if_due());
    }
}

} // namespace rove::migrate
