// SPDX-License-Identifier: Apache-2.0
// Staging: memory that pages are read into and sent from. It is lent to the socket (vmsplice and
// splice), chunk after chunk, which saves the copy; what is more than it can hold is copied.
#pragma once

#include <cstddef>
#include <utility>

#include "base/result.hh"
#include "sys/files.hh"

namespace rove::warden {

class Staging {
public:
    static constexpr size_t chunk_size = 256 * 1024;

    /// With its pages, for about that many bytes; at least one chunk, at most 64. To make it takes
    /// milliseconds, which is why a guest is not made to wait for it.
    static Result<Staging> make(size_t bytes);
    Staging(Staging&& other) noexcept
        : begin_(std::exchange(other.begin_, nullptr)),
          size_(other.size_),
          at_(other.at_),
          pipe_(std::move(other.pipe_)) {}
    Staging& operator=(Staging&& other) noexcept {
        std::swap(begin_, other.begin_);
        std::swap(size_, other.size_);
        std::swap(at_, other.at_);
        std::swap(pipe_, other.pipe_);
        return *this;
    }
    ~Staging();

    /// To be filled; another one after each send.
    char* chunk() const { return begin_ + at_; }
    /// The first `count` bytes of the chunk, all of them.
    Status send(int socket, size_t count);

private:
    Staging() = default;
    Status lend(int socket, char* from, size_t count);

    char* begin_ = nullptr;
    size_t size_ = 0, at_ = 0;
    sys::Pipe pipe_;
};

} // namespace rove::warden
