// SPDX-License-Identifier: Apache-2.0
// Sealed line: one side of a connection whose bytes are sealed (seal/stream.hh), or, without a
// secret, are not. It owns no descriptor.
#pragma once

#include <memory>
#include <string>

#include "base/bytes.hh"
#include "base/clock.hh"
#include "base/result.hh"
#include "seal/stream.hh"

namespace rove::warden {

class SealedLine {
public:
    SealedLine() = default;
    /// `token`: of the session, see wire/keeper.hh; without a secret nothing is sealed.
    SealedLine(seal::Use use, seal::Side side, std::string const& token);

    explicit operator bool() const { return stream_ != nullptr; }
    /// Says our salt.
    Status begin(int fd);
    /// Whether the other's has come, or none is needed.
    bool met() const { return !stream_ || stream_->begun == 2; }
    /// Waits for the other's.
    Status meet(int fd, Nanos patience);
    /// All of it; waits for the other's salt as long as it waits for room. Like sys::send_all if
    /// nothing is sealed.
    Status send(int fd, ByteView bytes, Nanos patience);
    /// `bytes` have come. What can be opened is added to `text`. EBADMSG: somebody else has made
    /// them.
    Status open(std::string_view bytes, std::string& text);

private:
    std::string secret_;
    seal::Purpose purpose_{};
    std::unique_ptr<seal::Stream> stream_;
    std::string came_; // and cannot be opened yet
};

} // namespace rove::warden
