// SPDX-License-Identifier: Apache-2.0
// Session: the steward's end of the control connection to a warden, and of the others it opens.
//
// Replies are waited for by type; what comes in between (pings, tallies) is kept for whoever asks.
// Pings go out whenever a wait lasts, so that a warden knows that its steward is alive.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <string>

#include "base/clock.hh"
#include "base/fd.hh"
#include "base/result.hh"
#include "warden/sealed_line.hh"
#include "wire/session.hh"

namespace rove::migrate {

constexpr Nanos ping_period = std::chrono::seconds(1);
constexpr Nanos silence_limit =
    std::chrono::milliseconds(wire::session_dead_ms); // of who should answer now
constexpr Nanos deaf_limit = std::chrono::milliseconds(wire::session_deaf_ms); // of a host

// A connection to the landing that has been welcomed.
Result<Fd> connect_to(wire::Landing const& landing, wire::Kind kind, uint32_t slot, uint32_t epoch,
    Nanos timeout = silence_limit);

class Session {
public:
    static Result<Session> connect(
        wire::Landing const& landing, uint32_t epoch, Nanos timeout = silence_limit);

    wire::Landing const& landing() const { return landing_; }
    int fd() const { return fd_.number(); }
    uint32_t epoch() const { return epoch_; }

    template <class T> Status send(wire::SessionType type, T const& body) {
        return send_frame(type, wire::encode(body));
    }
    Status send(wire::SessionType type) { return send_frame(type, ""); }
    // The next frame of one of the types. A trouble that comes instead is the error; its reason is
    // in trouble().
    struct Frame {
        wire::SessionType type = wire::SessionType::none;
        std::string body;
    };
    Result<Frame> wait(std::initializer_list<wire::SessionType> types, Nanos patience);
    // Drops what has come of these.
    void forget(std::initializer_list<wire::SessionType> types);
    // What is done while waiting, often; its error ends the wait.
    void set_meanwhile(std::function<Status()> meanwhile) { meanwhile_ = std::move(meanwhile); }
    template <class T> Result<T> wait_for(wire::SessionType type, Nanos patience) {
        Frame frame = TRY(wait({type}, patience));
        auto message = wire::decode<T>(frame.body);
        if (!message)
            return fail(EBADMSG, "a message {} of {} that is malformed", static_cast<int>(type),
                landing_.node);
        return std::move(*message);
    }

    // Takes in what has come without waiting. Fails if the connection has ended.
    Status receive();
    std::optional<Frame> take(); // the next frame that nobody waited for
    // The first of these.
    std::optional<Frame> take(std::initializer_list<wire::SessionType> types);
    Status ping_if_due();
    // An error if the host has trouble or is silent.
    Status sound() const;
    // How long the host may say nothing while it is waited for: silence_limit unless set.
    void set_patience(Nanos patience) { patience_ = patience; }
    Nanos silent_for() const { return monotonic_now() - heard_; }

    // The last that was waited into; what was before a new attempt is none of it.
    wire::Trouble const& trouble() const { return trouble_; }
    void forget_trouble() { trouble_ = {}; }
    wire::GuestTally const& tally() const { return tally_; }
    // Asks for it and waits; without an answer the last one stays.
    Status renew_tally(Nanos patience);

private:
    Session(wire::Landing landing, Fd fd, uint32_t epoch)
        : landing_(std::move(landing)),
          fd_(std::move(fd)),
          seal_(seal::Use::control, seal::Side::home, landing_.token),
          epoch_(epoch),
          heard_(monotonic_now()) {}
    Status send_frame(wire::SessionType type, std::string const& body);
    Status cut_frames();

    wire::Landing landing_;
    Fd fd_;
    warden::SealedLine seal_;
    uint32_t epoch_;
    Nanos heard_;
    Nanos patience_ = silence_limit;
    Nanos pinged_{0};
    uint64_t pings_ = 0;
    std::string input_;
    std::deque<Frame> frames_;
    wire::Trouble trouble_;
    wire::GuestTally tally_;
    bool tally_wanted_ = false;
    std::function<Status()> meanwhile_;
};

} // namespace rove::migrate
