// SPDX-License-Identifier: Apache-2.0
// Session line: the control connection to a steward as a stream of framed messages.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/clock.hh"
#include "base/fd.hh"
#include "base/result.hh"
#include "warden/sealed_line.hh"
#include "wire/session.hh"

namespace rove::warden {

class SessionLine {
public:
    using Take = std::function<void(wire::SessionType, std::string_view body)>;

    SessionLine() = default;
    SessionLine(Fd socket, std::string const& token);

    int number() const { return socket_.number(); }
    explicit operator bool() const { return static_cast<bool>(socket_); }
    void close() { socket_.close(); }
    /// When the other side was last heard of.
    Nanos heard() const { return heard_; }
    void forgive() { heard_ = monotonic_now(); }

    /// Waits for room at most as long as a steward may be silent.
    Status send(wire::SessionType type, std::string const& body);
    template <class T> Status send(wire::SessionType type, T const& body) {
        return send(type, wire::encode(body));
    }
    /// Takes what has come. EPIPE: the other end has closed. `take` may replace this line.
    Status serve(Take const& take);

private:
    Fd socket_;
    SealedLine seal_;
    std::string input_;
    Nanos heard_{0};
};

} // namespace rove::warden
