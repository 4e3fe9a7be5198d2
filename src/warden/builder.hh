// SPDX-License-Identifier: Apache-2.0
// Builder: the warden's end of the command socket of a guest that is being made.
//
// Commands are sent ahead and performed in order; each one's `done` is called with its reply.
// Neither side waits for the other's buffers: replies are small and read whenever they come.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.hh"
#include "base/result.hh"
#include "wire/region.hh"

namespace rove::warden {

/// In ExecCall::want, for our side only: the result does not matter.
constexpr int64_t whatever_result = -2;

class Builder {
public:
    using Done = std::function<void(wire::ExecReply const&, std::string_view inlined)>;

    Builder() = default;
    explicit Builder(Fd socket) : socket_(std::move(socket)) {}

    int number() const { return socket_.number(); }
    explicit operator bool() const { return static_cast<bool>(socket_); }
    bool idle() const { return waiting_.empty() && output_.empty(); }
    void close() { socket_.close(); }

    void command(
        wire::ExecOp op, std::vector<uint64_t> const& args, std::string_view inlined, Done done);
    /// Gives a descriptor away; its number in the guest is the reply's result.
    void give(Fd fd, uint64_t at_least, Done done);
    /// System calls in order; `done` gets success only if all results were as wanted.
    void calls(std::vector<wire::ExecCall> const& list, std::function<void(Status)> const& done);
    /// The guest becomes its program: there is no reply, the socket closes.
    void run(uint32_t slot);

    /// Sends what is queued, as far as it goes without waiting.
    Status flush();
    /// Reads the replies that have come. EPIPE: the guest has closed the socket.
    Status serve();
    bool wants_write() const { return !output_.empty(); }

private:
    struct Piece { // a run of bytes; a descriptor goes with the last one
        std::string bytes;
        Fd fd;
    };
    void queue(std::string_view bytes);

    Fd socket_;
    std::deque<Piece> output_;
    std::deque<Done> waiting_;
    std::string input_;
};

} // namespace rove::warden
