// SPDX-License-Identifier: Apache-2.0
// Buffer: the bytes of a message, allocated without being cleared, moved and never copied. They may
// lie in somebody else's room for a while: its own memory is there, but is not touched.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <new>
#include <optional>
#include <string_view>
#include <utility>

namespace rove::mailbox {

class Buffer {
public:
    Buffer() = default;
    Buffer(Buffer&& other) noexcept
        : bytes_(std::move(other.bytes_)),
          lent_(std::exchange(other.lent_, nullptr)),
          size_(std::exchange(other.size_, 0)) {}
    Buffer& operator=(Buffer&& other) noexcept {
        bytes_ = std::move(other.bytes_);
        lent_ = std::exchange(other.lent_, nullptr);
        size_ = std::exchange(other.size_, 0);
        return *this;
    }

    // None if there is no memory: how much is wanted may be for others to say.
    static std::optional<Buffer> create(size_t size) {
        Buffer buffer;
        buffer.bytes_.reset(new (std::nothrow) char[size]);
        buffer.size_ = size;
        if (!buffer.bytes_) return std::nullopt;
        return buffer;
    }
    static std::optional<Buffer> copy_of(std::string_view text) {
        auto buffer = create(text.size());
        if (buffer && !text.empty()) std::memcpy(buffer->bytes_.get(), text.data(), text.size());
        return buffer;
    }

    // As long as it.
    void lie_in(char* room) { lent_ = room; }
    // What lies in another's room, which is `count` bytes so far, is its own from now on.
    void fetch_home(size_t count) {
        if (lent_ == nullptr) return;
        std::memcpy(bytes_.get(), lent_, count);
        lent_ = nullptr;
    }

    char* at(size_t offset) { return begin() + offset; }
    size_t size() const { return size_; }
    std::string_view text() const { return {begin(), size_}; }

private:
    char* begin() const { return lent_ != nullptr ? lent_ : bytes_.get(); }

    std::unique_ptr<char[]> bytes_;
    char* lent_ = nullptr;
    size_t size_ = 0;
};

} // namespace rove::mailbox
